#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/db/migrate.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

int migrate_command(const SettingFlags& flags, bool json) {
    const auto loaded = load(flags);
    const auto database = open_unmigrated_database(loaded.config);
    const auto report = db::migrate(database.uri);
    if (json) {
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

void add_migrate(CLI::App& app, Action& action) {
    auto* command = app.add_subcommand("migrate", "bring the database's schema up to date");
    const auto flags = add_setting_flags(*command, k_database_keys);
    const auto json = std::make_shared<bool>(false);
    command->add_flag("--json", *json, "print JSON");
    command->callback([&action, flags, json] {
        action = [flags, json] { return migrate_command(*flags, *json); };
    });
}

}  // namespace narthex::app
