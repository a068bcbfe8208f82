// The installed PostgreSQL and its version against the data directory's.
#pragma once

#include "cluster_owner.hpp"

#include <filesystem>

namespace narthex::db {

struct Binaries {
    std::filesystem::path postgres;
    std::filesystem::path initdb;
    int major;
};

// $NARTHEX_POSTGRES_BIN, or /usr/lib/postgresql/*/bin (the version that made the cluster, else the
// newest), or PATH, or pg_config. Throws ClusterError if there is none, if it is older than 15, or
// if the cluster is another major version's.
[[nodiscard]] Binaries find_binaries(const DataDir& dir);

}  // namespace narthex::db
