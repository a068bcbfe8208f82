// How regions reach the PostgreSQL of a data directory: where it listens for them is kept in a file
// there, since any command may be the one that starts it. The caller holds lock.control where
// something is written.
#pragma once

#include "cluster_owner.hpp"

#include "narthex/db/cluster.hpp"

#include <optional>
#include <string>
#include <vector>

namespace narthex::db {

// Absent: nowhere. Throws ClusterError for a file that isn't ours.
[[nodiscard]] std::optional<RegionListener> find_region_listener(const DataDir& dir);

// From the next start of PostgreSQL on. Makes its certificate if there is none.
void keep_region_listener(const DataDir& dir, const RegionListener& listener);

// PostgreSQL has one port, by which its socket is named, too: 5432 where nobody listens for
// regions.
[[nodiscard]] int port_of(const DataDir& dir);

// What PostgreSQL is started with, beside what it always is.
[[nodiscard]] std::vector<std::string> settings_for(const DataDir& dir, const RegionListener& at);

}  // namespace narthex::db
