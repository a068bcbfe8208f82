#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/db/instance.hpp"
#include "narthex/db/migrate.hpp"
#include "narthex/db/subscription.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace narthex::app {

namespace {

struct MigrateFlags {
    bool json = false;
    bool force = false;
    std::shared_ptr<SettingFlags> settings;
};

std::optional<std::string> why_not_refreshed(const std::string& uri) {
    try {
        db::refresh_subscription(uri);
        return std::nullopt;
    } catch (const db::QueryFailed& error) {
        return error.what();
    } catch (const db::Unavailable& error) {  // it waits for the primary, too long
        return error.what();
    }
}

// What stopped at something that the schema lacked goes on, and new tables are copied, too.
void follow_again(const std::string& uri) {
    db::Connection connection(uri, db::Session::work);
    bool follows = false;
    connection.write([&](db::Tx& tx) {
        follows = db::read_instance(tx).role == db::InstanceRole::region &&
                  db::find_subscription(tx).has_value();
        if (follows) db::enable_subscription(tx);
    });
    if (!follows) return;
    if (const auto reason = why_not_refreshed(uri)) {
        fmt::print(
            stderr,
            "narthex: the primary can't be asked for new tables now ({}): 'narthex migrate' again "
            "does\n",
            *reason
        );
    }
}

int migrate_command(const MigrateFlags& flags) {
    const auto loaded = load(*flags.settings);
    const auto database = open_unmigrated_database(loaded.config);
    const auto order = flags.force ? db::RegionsFirst::forced : db::RegionsFirst::required;
    const auto report = db::migrate(database.uri, order);
    follow_again(database.uri);
    if (flags.json) {
        const nlohmann::json out = {
            {"from_version", report.from_version},
            {"to_version", report.to_version},
            {"applied", report.applied},
        };
        fmt::print("{}\n", out.dump());
        return 0;
    }
    for (const auto& name : report.applied) fmt::print("applied {}\n", name);
    fmt::print("the schema is at version {}\n", report.to_version);
    return 0;
}

}  // namespace

void add_migrate(Command app, Action& action) {
    const auto command = app.add_subcommand("migrate", "bring the database's schema up to date");
    const auto flags = std::make_shared<MigrateFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_flag("--json", flags->json, "print JSON");
    command.add_flag(
        "--force-regions",
        flags->force,
        "though regions have an older schema still: they stop following until they are migrated"
    );
    command.callback([&action, flags] { action = [flags] { return migrate_command(*flags); }; });
}

}  // namespace narthex::app
