// Commands on one cache of the database: the flags that they share, and how they get their
// connection. Layer app's own.
#pragma once

#include "narthex/app/arguments.hpp"
#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"

#include <memory>
#include <string>
#include <utility>

namespace narthex::app {

struct CacheFlags {
    std::string cache{k_default_cache};
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

// `Flags` begin with CacheFlags; what else is in them, the caller adds to the command.
template <class Flags>
std::pair<Command, std::shared_ptr<Flags>> add_cache_command(
    Command parent,
    Action& action,
    const char* name,
    const char* help,
    int (*run)(const Flags&, db::Connection&, const Cache&)
) {
    const auto command = parent.add_subcommand(name, help);
    auto flags = std::make_shared<Flags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("--cache", flags->cache, "the cache [default]").type_name("NAME");
    command.add_flag("--json", flags->json, "print JSON");
    command.callback([&action, flags, run] {
        action = [flags, run] {
            const auto database = open_database(load(*flags->settings).config);
            // The plans of lookups: by key, whatever statistics say.
            db::Connection connection(database.uri, db::Session::publishing);
            return run(*flags, connection, find_cache(connection, flags->cache));
        };
    });
    return {command, flags};
}

}  // namespace narthex::app
