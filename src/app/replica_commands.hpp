// The commands below `narthex replica`: each adds itself, as those of narthex/app/commands.hpp do.
#pragma once

#include "narthex/app/commands.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace narthex::app {

void add_replica_invite(Command replica, Action& action);
void add_replica_remove(Command replica, Action& action);
void add_replica_join(Command replica, Action& action);
void add_replica_follow(Command replica, Action& action);
void add_replica_status(Command replica, Action& action);
void add_replica_leave(Command replica, Action& action);
void add_replica_promote(Command replica, Action& action);

struct ReplicaFlags {
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};
// --config, the database, --json
void add_replica_flags(Command command, ReplicaFlags& flags);

// Without '/' at the end. Throws UsageError, which names the flag, for what is no URL; empty stays
// so.
[[nodiscard]] std::string checked_url(const char* flag, const std::string& url);

// Throws UsageError.
void require_region_name(const std::string& name);

// For people, on standard error: what was done is of less use than they may think, and the way out.
void warn(std::string_view text);

}  // namespace narthex::app
