#include "replica_commands.hpp"

#include "narthex/app/byte_text.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/progress.hpp"
#include "narthex/db/migrate.hpp"
#include "narthex/db/regions.hpp"
#include "narthex/service/replica_join.hpp"
#include "narthex/service/replica_primary.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <filesystem>

namespace narthex::app {

namespace {

struct JoinFlags : ReplicaFlags {
    std::string primary;
    std::string name;
    bool serving = false;
    bool full = false;
    std::string url;
};

void show(Progress& progress, const service::CopyProgress& now) {
    const auto of =
        fmt::format("rows, {} of {} tables, {}", now.tables_done, now.tables, byte_text(now.bytes));
    progress.show({"copying", now.rows, now.bytes, now.total_bytes, of});
}

service::JoinOptions options_of(const JoinFlags& flags, Progress& progress) {
    service::JoinOptions options;
    options.primary = flags.primary;
    options.name = flags.name;
    if (flags.full) options.kind = "full";
    if (flags.serving) options.kind = "serving";
    options.url = checked_url("--url", flags.url);
    options.stop = &interrupted();
    options.progress = [&progress](const service::CopyProgress& now) { show(progress, now); };
    return options;
}

void check_primary_uri(const JoinFlags& flags) {
    if (auto good = db::check_uri(flags.primary); !good) {
        throw UsageError("--primary: it " + good.error().message);
    }
    const auto name = db::region_of_login(db::user_of(flags.primary));
    if (name.empty()) {
        throw UsageError("--primary: this URI is of no region; 'narthex replica invite' prints one"
        );
    }
    if (name == flags.name) return;
    throw UsageError(fmt::format("--primary: this URI is of region {}, not of {}", name, flags.name)
    );
}

// An own PostgreSQL that isn't there yet, and shan't be for an invite that is no good.
bool would_be_made(const Config& config) {
    if (!config.database.empty()) return false;
    const std::filesystem::path directory =
        config.data_dir.empty() ? db::default_data_dir() : std::filesystem::path(config.data_dir);
    std::error_code ignored;
    return !std::filesystem::exists(directory / "postgres", ignored);
}

void print(const JoinFlags& flags, const service::Joined& joined, double seconds) {
    if (flags.json) {
        const nlohmann::json out = {
            {"name", flags.name},
            {"kind", joined.kind},
            {"primary_url", joined.primary_url.value_or("")},
            {"was_joined", joined.was_joined},
            {"tables", joined.copied.tables},
            {"rows", joined.copied.rows},
            {"seconds", seconds}};
        fmt::print("{}\n", out.dump());
        return;
    }
    if (joined.was_joined) {
        fmt::print("region {} has joined and follows already\n", flags.name);
        return;
    }
    fmt::print(
        "region {} ({}) has joined: {} rows of {} tables copied in {:.1f} s; it follows from now "
        "on\n",
        flags.name,
        joined.kind,
        joined.copied.rows,
        joined.copied.tables,
        seconds
    );
}

// A full region is there to become the primary: what it lacks for that is better known before.
void warn_of_promotion(const OpenDatabase& database, const service::Joined& joined) {
    if (joined.kind != "full") return;
    if (joined.url.value_or("").empty()) {
        warn(
            "this region has no URL: if it is promoted, an old primary that returns can't hear of "
            "it; 'narthex replica join' again, with --url"
        );
    }
    if (database.cluster && !database.cluster->region_listener()) {
        warn(
            "PostgreSQL doesn't listen for regions here: if this one is promoted, none can follow "
            "it; start serve with --region-listen ADDRESS:PORT"
        );
    }
}

int join(const JoinFlags& flags, bool replace) {
    require_region_name(flags.name);
    check_primary_uri(flags);
    Progress progress;
    auto options = options_of(flags, progress);
    options.replace = replace;
    const auto config = load(*flags.settings).config;
    const auto primary = service::find_primary(flags.primary);
    if (!primary && would_be_made(config)) throw Failure(primary.error().message);
    const auto database = open_unmigrated_database(config);
    if (auto good = service::check_subscriber(database.uri); !good) {
        throw Failure(good.error().message);
    }
    db::migrate(database.uri);
    const auto joined = service::join_primary(database.uri, primary, options);
    progress.clear();
    if (!joined) throw Failure(joined.error().message);
    print(flags, *joined, progress.elapsed().count());
    warn_of_promotion(database, *joined);
    return 0;
}

void add_join_flags(Command command, JoinFlags& flags) {
    add_replica_flags(command, flags);
    command.add_option("--primary", flags.primary, "what 'narthex replica invite' printed")
        .required()
        .envname("NARTHEX_PRIMARY")
        .type_name("URI");
    command.add_option("--name", flags.name, "the region's name").required().type_name("NAME");
    command.add_flag(
        "--full", flags.full, "with all that a primary needs, so that it can become one"
    );
    command
        .add_flag("--serving", flags.serving, "with what is needed to answer; so unless it is said")
        .excludes("--full");
    command.add_option("--url", flags.url, "where clients reach this region; kept")
        .type_name("URL");
}

}  // namespace

void add_replica_join(Command replica, Action& action) {
    const auto command = replica.add_subcommand(
        "join", "on a new region: copy the primary and follow it from then on"
    );
    auto flags = std::make_shared<JoinFlags>();
    add_join_flags(command, *flags);
    command.callback([&action, flags] { action = [flags] { return join(*flags, false); }; });
}

void add_replica_follow(Command replica, Action& action) {
    const auto command = replica.add_subcommand(
        "follow", "after a promotion: throw away what is here, and copy the new primary"
    );
    auto flags = std::make_shared<JoinFlags>();
    add_join_flags(command, *flags);
    command.callback([&action, flags] { action = [flags] { return join(*flags, true); }; });
}

}  // namespace narthex::app
