// The commands of `narthex`. Each adds its flags to the command line and, when it is the one that
// was called, sets `action`, whose result is the exit code: 0 done, 1 refused or failed, 2 usage.
#pragma once

#include "narthex/app/command_line.hpp"
#include "narthex/app/config.hpp"

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace narthex::app {

using Action = std::function<int()>;

void add_serve(Command app, Action& action);
void add_import(Command app, Action& action);
void add_export(Command app, Action& action);
void add_cache(Command app, Action& action);
void add_token(Command app, Action& action);
void add_path(Command app, Action& action);
void add_tag(Command app, Action& action);
void add_root(Command app, Action& action);
void add_channel(Command app, Action& action);
void add_check(Command app, Action& action);
void add_gc(Command app, Action& action);
void add_closure(Command app, Action& action);
void add_stats(Command app, Action& action);
void add_replica(Command app, Action& action);
void add_migrate(Command app, Action& action);

// The settings flags of one command, collected while the command line is parsed.
struct SettingFlags {
    std::string file;                          // --config
    std::map<std::string, std::string> flags;  // by key
};

// Adds --config and the flags of the settings with these keys (all of them when empty).
[[nodiscard]] std::shared_ptr<SettingFlags> add_setting_flags(
    Command command, std::span<const std::string_view> keys
);

// The keys of commands that only need the database.
inline constexpr std::string_view k_database_keys[] = {"database", "data-dir"};

// Throws UsageError for what load_config refuses.
[[nodiscard]] LoadedConfig load(const SettingFlags& flags);

// Ends the program with exit code 2 and this line.
class UsageError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};
// Ends the program with exit code 1 and this line.
class Failure : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Runs the program; catches what commands throw.
[[nodiscard]] int run(int argc, char** argv);

}  // namespace narthex::app
