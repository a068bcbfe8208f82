#include "replica_commands.hpp"

#include "narthex/db/regions.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace narthex::app {

void add_replica_flags(Command command, ReplicaFlags& flags) {
    flags.settings = add_setting_flags(command, k_database_keys);
    command.add_flag("--json", flags.json, "print JSON");
}

std::string checked_url(const char* flag, const std::string& url) {
    if (url.empty()) return {};
    const bool good = url.starts_with("http://") || url.starts_with("https://");
    const bool plain = url.find_first_of(" \t\r\n\"'<>") == std::string::npos;
    if (!good || !plain) {
        throw UsageError(fmt::format("{}: \"{}\" is no URL with http:// or https://", flag, url));
    }
    return url.substr(0, url.find_last_not_of('/') + 1);
}

void require_region_name(const std::string& name) {
    if (db::is_region_name(name)) return;
    throw UsageError(fmt::format(
        "\"{}\" can't be a region's name: a letter, then at most 31 letters, digits and _, all "
        "small",
        name
    ));
}

void warn(std::string_view text) {
    fmt::print(stderr, "narthex: warning: {}\n", text);
}

void add_replica(Command app, Action& action) {
    const auto replica =
        app.add_subcommand("replica", "regions: copies of a primary that answer for it");
    replica.require_subcommand();
    add_replica_invite(replica, action);
    add_replica_join(replica, action);
    add_replica_status(replica, action);
    add_replica_leave(replica, action);
    add_replica_remove(replica, action);
    add_replica_promote(replica, action);
    add_replica_follow(replica, action);
}

}  // namespace narthex::app
