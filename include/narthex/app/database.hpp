// The database a command works on: the one that --database names, or the embedded one, which is
// created, started and migrated as needed and stopped with its last user.
#pragma once

#include "narthex/app/config.hpp"
#include "narthex/core/cache.hpp"
#include "narthex/db/cluster.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace narthex::app {

struct OpenDatabase {
    std::unique_ptr<db::Cluster> cluster;  // null for --database
    std::string uri;

    // Restarts a dead embedded PostgreSQL; does nothing for another's. Never throws, any thread.
    [[nodiscard]] std::function<void()> revive() const;
};

// `listener`: where the embedded one listens for regions from now on; absent: as it was said last,
// whatever the configuration says, which may have been changed under a running server. Throws
// db::Unavailable, db::ClusterError or db::SchemaMismatch.
[[nodiscard]] OpenDatabase open_database(
    const Config& config, const std::optional<db::RegionListener>& listener = std::nullopt
);

// Without looking at the schema: for `narthex migrate`.
[[nodiscard]] OpenDatabase open_unmigrated_database(const Config& config);

}  // namespace narthex::app
