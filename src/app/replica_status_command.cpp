#include "replica_commands.hpp"

#include "narthex/app/byte_text.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/time_text.hpp"
#include "narthex/db/regions.hpp"
#include "narthex/service/replica_status.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace narthex::app {

namespace {

using db::InstanceRole;

template <class T>
nlohmann::json or_null(const std::optional<T>& value) {
    return value ? nlohmann::json(*value) : nlohmann::json();
}

std::string bytes_or(const std::optional<std::int64_t>& bytes) {
    return bytes ? byte_text(static_cast<std::uint64_t>(std::max<std::int64_t>(*bytes, 0))) : "-";
}

std::string seconds_or(const std::optional<double>& seconds) {
    return seconds ? fmt::format("{:.1f} s", *seconds) : "-";
}

nlohmann::json common_json(const db::Instance& instance) {
    return {
        {"role", db::to_string(instance.role)},
        {"epoch", instance.epoch},
        {"url", or_null(instance.url)},
    };
}

// --- of a primary ---

nlohmann::json to_json(const db::ListedRegion& region) {
    return {
        {"name", region.name},
        {"state", region.state},
        {"kind", or_null(region.kind)},
        {"url", or_null(region.url)},
        {"invite_until", time_text(region.invite_until)},
        {"joined_at", region.joined_at ? nlohmann::json(time_text(*region.joined_at)) : nullptr},
        {"connected", or_null(region.connected)},
        {"wal_status", or_null(region.wal_status)},
        {"behind_bytes", or_null(region.behind_bytes)},
        {"held_bytes", or_null(region.held_bytes)},
        {"safe_bytes", or_null(region.safe_bytes)},
        {"reported_seconds_ago", or_null(region.reported_ago)},
        {"behind_seconds", or_null(region.behind_seconds)},
        {"behind_transactions", or_null(region.behind_transactions)},
        {"schema_version", or_null(region.schema_version)},
        {"errors", or_null(region.errors)},
        {"trouble", or_null(region.trouble)},
    };
}

// One line for people: what is wrong with it, or nothing.
std::string trouble_of(const db::ListedRegion& region) {
    if (region.wal_status == "lost") return "its slot is lost: join again there";
    if (region.state == "expired") return "its invite has expired: invite it again";
    if (region.state == "joined" && !region.connected) return "it has no slot: join again there";
    if (region.state == "joined" && !*region.connected) return "it isn't connected";
    return region.trouble.value_or("");
}

void print_regions(const std::vector<db::ListedRegion>& regions) {
    if (regions.empty()) {
        fmt::print("no regions; 'narthex replica invite NAME' lets one join\n");
        return;
    }
    constexpr auto k_row = "{:<16} {:<8} {:<8} {:>10} {:>10} {:>8} {:>6} {:>6}  {}\n";
    fmt::print(
        k_row, "REGION", "STATE", "KIND", "BEHIND", "WAL HELD", "AGE", "SCHEMA", "ERRORS", ""
    );
    for (const auto& region : regions) {
        fmt::print(
            k_row,
            region.name,
            region.state,
            region.kind.value_or("-"),
            bytes_or(region.behind_bytes),
            bytes_or(region.held_bytes),
            seconds_or(region.behind_seconds),
            region.schema_version ? std::to_string(*region.schema_version) : "-",
            region.errors ? std::to_string(*region.errors) : "-",
            trouble_of(region)
        );
    }
}

int primary_status(const db::Instance& instance, db::Connection& connection, bool json) {
    std::vector<db::ListedRegion> regions;
    connection.read([&](db::Tx& tx) { regions = db::list_regions(tx); });
    if (json) {
        auto out = common_json(instance);
        out["regions"] = nlohmann::json::array();
        for (const auto& region : regions) out["regions"].push_back(to_json(region));
        fmt::print("{}\n", out.dump());
        return 0;
    }
    if (instance.role == InstanceRole::fenced) {
        fmt::print(
            "this primary was replaced by {}: 'narthex replica follow' makes a region of it\n",
            instance.replaced_by.value_or("another")
        );
    } else {
        fmt::print(
            "primary  {}  epoch {}\n", instance.url.value_or("(no URL yet)"), instance.epoch
        );
    }
    print_regions(regions);
    return 0;
}

// --- of a region ---

std::string_view state_text(char state) {
    switch (state) {
        case 'i':
            return "not begun";
        case 'd':
            return "copying";
        case 'f':
        case 's':
            return "catching up";
        case 'r':
            return "follows";
        default:
            return "unknown";
    }
}

// No trouble where the region is the newer one: regions are migrated first.
std::optional<std::string> schema_note(const service::RegionStatus& status) {
    if (!status.primary) return std::nullopt;
    const auto of_primary = status.primary->schema_version;
    if (status.schema_version > of_primary) return "newer than its primary: migrate that";
    if (status.schema_version < of_primary) return "older than its primary: migrate this";
    return std::nullopt;
}

nlohmann::json primary_json(const service::RegionStatus& status) {
    const auto& primary = status.primary;
    return {
        {"url", or_null(status.instance.primary_url)},
        {"address", status.primary_address},
        {"reachable", primary.has_value()},
        {"reason", or_null(status.unreachable)},
        {"slot_status", primary ? or_null(primary->slot_status) : nullptr},
        {"schema_version", primary ? nlohmann::json(primary->schema_version) : nullptr},
    };
}

nlohmann::json to_json(const service::RegionStatus& status) {
    auto out = common_json(status.instance);
    out["name"] = status.instance.name;
    out["kind"] = or_null(status.instance.kind);
    out["primary"] = primary_json(status);
    out["schema_version"] = status.schema_version;
    out["note"] = or_null(schema_note(status));
    out["behind_bytes"] = status.primary ? or_null(status.primary->behind_bytes) : nullptr;
    out["behind_transactions"] = or_null(status.behind_transactions);
    out["held_bytes"] = status.primary ? or_null(status.primary->held_bytes) : nullptr;
    const auto& subscription = status.subscription;
    out["subscription"] = subscription ? nlohmann::json{{"enabled", subscription->enabled},
                                                        {"running", subscription->running},
                                                        {"errors", subscription->errors}}
                                       : nlohmann::json();
    out["heartbeat_age"] = or_null(status.heartbeat_age);
    out["tables"] = nlohmann::json::array();
    for (const auto& table : status.tables) {
        out["tables"].push_back({{"table", table.table}, {"state", state_text(table.state)}});
    }
    return out;
}

std::string subscription_text(const service::RegionStatus& status) {
    if (!status.subscription) return "gone: 'narthex replica leave --force', then join again";
    const auto& subscription = *status.subscription;
    const auto* state = !subscription.enabled  ? "switched off"
                        : subscription.running ? "running"
                                               : "not connected";
    auto text = fmt::format("{}, {} errors so far", state, subscription.errors);
    const bool fails = subscription.enabled && !subscription.running && subscription.errors > 0;
    if (fails) text += ": PostgreSQL's log here says which";
    return text;
}

std::string primary_text(const service::RegionStatus& status) {
    auto text = status.instance.primary_url.value_or("");
    if (!status.primary_address.empty()) text += "  PostgreSQL at " + status.primary_address;
    if (status.unreachable) return text + "\n           out of reach: " + *status.unreachable;
    if (status.primary && !status.primary->slot_active)
        text += "\n           it has no slot for us";
    if (status.primary && status.primary->slot_status == "lost") {
        text += "\n           the slot is lost: 'narthex replica join' copies afresh";
    }
    return text;
}

std::string behind_text(const service::RegionStatus& status) {
    if (!status.primary) return "unknown: the primary says it";
    const auto& transactions = status.behind_transactions;
    return fmt::format(
        "{}, {} transactions; {} of WAL held there",
        bytes_or(status.primary->behind_bytes),
        transactions ? std::to_string(*transactions) : "-",
        bytes_or(status.primary->held_bytes)
    );
}

std::string schema_text(const service::RegionStatus& status) {
    auto text = std::to_string(status.schema_version);
    if (status.primary) text += fmt::format(", the primary {}", status.primary->schema_version);
    if (const auto note = schema_note(status)) text += "; " + *note;
    return text;
}

void print_tables(const std::vector<db::TableState>& tables) {
    const auto follows = std::ranges::count(tables, 'r', &db::TableState::state);
    fmt::print("tables     {} of {} follow\n", follows, tables.size());
    for (const auto& table : tables) {
        if (table.state != 'r') fmt::print("  {:<20} {}\n", table.table, state_text(table.state));
    }
}

int region_status(const OpenDatabase& database, bool json) {
    const auto status = service::read_region_status(database.uri);
    if (json) {
        fmt::print("{}\n", to_json(status).dump());
        return 0;
    }
    fmt::print(
        "{:<10} {}  {}  {}  epoch {}\n",
        db::to_string(status.instance.role),
        status.instance.name,
        status.instance.kind.value_or(""),
        status.instance.url.value_or("(no URL)"),
        status.instance.epoch
    );
    fmt::print("primary    {}\n", primary_text(status));
    fmt::print("following  {}\n", subscription_text(status));
    fmt::print("behind     {}\n", behind_text(status));
    fmt::print(
        "heartbeat  {}\n",
        status.heartbeat_age ? fmt::format("{:.1f} s old", *status.heartbeat_age) : "none yet"
    );
    fmt::print("schema     {}\n", schema_text(status));
    print_tables(status.tables);
    return 0;
}

int status_command(const ReplicaFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    db::Connection connection(database.uri, db::Session::work);
    db::Instance instance;
    connection.read([&](db::Tx& tx) { instance = db::read_instance(tx); });
    const bool is_region =
        instance.role == InstanceRole::region || instance.role == InstanceRole::joining;
    if (is_region) return region_status(database, flags.json);
    return primary_status(instance, connection, flags.json);
}

}  // namespace

void add_replica_status(Command replica, Action& action) {
    const auto command = replica.add_subcommand(
        "status", "how this region is, or on the primary, how all of them are"
    );
    auto flags = std::make_shared<ReplicaFlags>();
    add_replica_flags(command, *flags);
    command.callback([&action, flags] { action = [flags] { return status_command(*flags); }; });
}

}  // namespace narthex::app
