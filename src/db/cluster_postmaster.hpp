// The postmaster as a process: found by its pid file, started, stopped. The caller holds
// lock.control.
#pragma once

#include "cluster_binaries.hpp"
#include "cluster_lock.hpp"
#include "cluster_owner.hpp"

#include <optional>
#include <string>

namespace narthex::db {

// initdb beside the final place, then a rename: what a crash leaves is swept by the next call.
// Does nothing if there is a cluster. `control` stays locked until initdb is gone even if we die.
void create_cluster(const DataDir& dir, const Binaries& binaries, const FileLock& control);

// The process that the pid file names, if it runs and is this cluster's postmaster: after a reboot
// the number may be anybody's.
[[nodiscard]] std::optional<pid_t> find_postmaster(const DataDir& dir);

// Its pid file says that it has been told to stop.
[[nodiscard]] bool is_shutting_down(const DataDir& dir);

struct Start {
    pid_t pid;
    std::size_t log_offset;  // what PostgreSQL says begins here
};

[[nodiscard]] Start start_postmaster(const DataDir& dir, const Binaries& binaries);

// Why a start failed, on one line, from its log.
struct Failure {
    std::string reason;
    bool passes;  // something of the former PostgreSQL still dies: try again
};
[[nodiscard]] Failure explain(const DataDir& dir, const Start& start);

// Fast shutdown; immediate when that takes too long. Past the deadline PostgreSQL goes on alone.
void stop_postmaster(const DataDir& dir, Deadline deadline);

}  // namespace narthex::db
