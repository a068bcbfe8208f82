#include "narthex/service/replica_invite.hpp"

#include "narthex/core/token.hpp"
#include "narthex/db/audit.hpp"
#include "narthex/db/instance.hpp"
#include "narthex/db/regions.hpp"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

namespace narthex::service {

namespace {

constexpr int k_oldest_postgres = 150000;

Result<void> check_role(const db::Instance& instance) {
    using db::InstanceRole;
    if (instance.role == InstanceRole::primary) return {};
    if (instance.role == InstanceRole::fenced) {
        return Error{fmt::format(
            "this primary was replaced by {}: invite there",
            instance.replaced_by.value_or("another")
        )};
    }
    return Error{fmt::format(
        "this is region {}: invite on its primary, {}",
        instance.name,
        instance.primary_url.value_or("wherever that is")
    )};
}

Result<void> check_setup(const db::PrimarySetup& setup) {
    if (setup.version < k_oldest_postgres) {
        return Error{
            fmt::format("regions need PostgreSQL 15 or newer, this is {}", setup.version / 10000)};
    }
    if (setup.wal_level != "logical") {
        return Error{fmt::format(
            "PostgreSQL's wal_level is {}: set wal_level = logical in postgresql.conf and restart "
            "it",
            setup.wal_level
        )};
    }
    if (setup.may_invite) return {};
    return Error{
        "this database role may not make roles that replicate: PostgreSQL 15 lets only a "
        "superuser, 16 "
        "and newer one with CREATEROLE and REPLICATION; it has to own narthex's tables, too"};
}

Result<void> check_fate(db::InviteFate fate, const std::string& name) {
    switch (fate) {
        case db::InviteFate::invited:
            return {};
        case db::InviteFate::joined_already:
            return Error{fmt::format(
                "region {0} has joined already; 'narthex replica remove {0}' frees the name", name
            )};
        case db::InviteFate::role_taken:
            return Error{fmt::format(
                "PostgreSQL has a role {0} that isn't of a region here: choose another name, or "
                "drop "
                "it: drop role {0}",
                db::region_login(name)
            )};
    }
    return Error{"unknown fate of an invitation"};
}

// What a transaction refuses, so that it is rolled back.
class Refused : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

void require(const Result<void>& good) {
    if (!good) throw Refused(good.error().message);
}

std::string told_url(const db::Instance& instance, const InviteOptions& options) {
    if (!options.url.empty()) return options.url;
    if (instance.url) return *instance.url;
    throw Refused(
        "--url is needed the first time: the URL at which clients reach this primary, and regions "
        "will"
    );
}

bool has_left(db::Tx& tx, const std::string& name) {
    for (const auto& each : db::list_left_regions(tx)) {
        if (each == name) return true;
    }
    return false;
}

Result<void> close_region(
    db::Connection& connection, const std::string& name, const std::function<void(db::Tx&)>& at_end
) {
    constexpr std::chrono::seconds k_limit(30);
    constexpr std::chrono::milliseconds k_pause(100);
    std::optional<std::vector<std::string>> slots;
    connection.write([&](db::Tx& tx) { slots = db::lock_region_out(tx, name); });
    if (!slots) {
        return Error{
            fmt::format("there is no region {}; 'narthex replica status' shows all", name)};
    }
    const auto end = std::chrono::steady_clock::now() + k_limit;
    for (bool closed = false;; std::this_thread::sleep_for(k_pause)) {
        connection.write([&](db::Tx& tx) {
            closed = db::try_close_region(tx, name, *slots);
            if (closed) at_end(tx);
        });
        if (closed) return {};
        if (std::chrono::steady_clock::now() < end) continue;
        return Error{fmt::format(
            "region {} can't connect any more, but its slot is still in use: the same again goes "
            "on",
            name
        )};
    }
}

}  // namespace

Result<Invite> invite_region(
    db::Connection& connection, const std::string& database, const InviteOptions& options
) {
    bool left = false;
    connection.read([&](db::Tx& tx) { left = has_left(tx, options.name); });
    if (left) {
        if (auto removed = remove_region(connection, options.name, options.who); !removed) {
            return removed.error();
        }
    }
    const auto login = db::region_login(options.name);
    // As long and as random as a token, and as safe in a URI.
    const auto password = generate_token();
    const auto verifier = db::scram_verifier(database, login, password);
    db::PrimarySetup setup{};
    try {
        connection.write([&](db::Tx& tx) {
            const auto instance = db::read_instance(tx);
            require(check_role(instance));
            setup = db::find_primary_setup(tx);
            require(check_setup(setup));
            db::set_instance_url(tx, told_url(instance, options));
            db::prepare_for_regions(tx);
            require(check_fate(
                db::invite_region(tx, options.name, verifier, options.until), options.name
            ));
            db::add_audit(tx, {options.who, "replica invite", std::nullopt, options.name, ""});
        });
    } catch (const Refused& refused) {
        return Error{refused.what()};
    }
    return Invite{
        db::uri_for(options.base_uri, {login, password, options.host, options.port}),
        setup.wal_unlimited,
    };
}

Result<void> remove_region(
    db::Connection& connection, const std::string& name, const std::string& who
) {
    return close_region(connection, name, [&](db::Tx& tx) {
        db::delete_region(tx, name);
        db::add_audit(tx, {who, "replica remove", std::nullopt, name, ""});
    });
}

Result<void> remove_left_regions(db::Connection& connection, const std::string& who) {
    std::vector<std::string> names;
    connection.read([&](db::Tx& tx) { names = db::list_left_regions(tx); });
    Result<void> all;
    for (const auto& name : names) {
        if (auto removed = remove_region(connection, name, who); !removed) all = removed;
    }
    return all;
}

Result<void> close_all_regions(db::Connection& connection) {
    std::vector<db::ListedRegion> regions;
    connection.read([&](db::Tx& tx) { regions = db::list_regions(tx); });
    for (const auto& region : regions) {
        if (auto closed = close_region(connection, region.name, [](db::Tx&) {}); !closed) {
            return closed;
        }
    }
    return {};
}

}  // namespace narthex::service
