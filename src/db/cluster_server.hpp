// PostgreSQL as something to connect to.
#pragma once

#include "cluster_lock.hpp"
#include "cluster_owner.hpp"

#include <string>

namespace narthex::db {

struct Socket {
    std::filesystem::path directory;
    int port = 0;

    bool operator==(const Socket&) const = default;
};

[[nodiscard]] std::string connection_string(const Socket& socket, const std::string& dbname);

// Whether PostgreSQL takes connections; also true when it has too many.
[[nodiscard]] bool answers(const DataDir& dir);

// Returns when it isn't starting or recovering: told to stop then, it may never end.
void await_recovery(const DataDir& dir, Deadline deadline);

// Creates what is missing, starts what is dead, waits for what is on its way. The caller holds
// `control`. Throws ClusterError.
void ensure_running(const DataDir& dir, const FileLock& control, Deadline deadline);

// Creates database narthex if it isn't there. The caller holds lock.control.
void ensure_database(const DataDir& dir);

}  // namespace narthex::db
