// Serves again what is hidden: a plan by its one flag, or paths with all that they need
// (docs/decisions/0007-collecting.md).
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/service/collect_events.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace narthex::service {

struct RestoreReport {
    bool served_already = false;  // nothing was done
    std::uint64_t restored = 0;   // paths
};

// Of a plan that is being hidden, the rows without effect are forgotten. `connection` is a session
// `publishing`, which keeps the collector's lock, `work` one whose plans may join. An error is a
// refusal: nothing has changed then. Throws what db throws; the same again goes on then.
[[nodiscard]] Result<RestoreReport> restore_plan(
    db::Connection& connection,
    db::Connection& work,
    int plan,
    const std::string& who,
    const CollectEvents& events
);

// All of them or none; collectors aren't kept out.
[[nodiscard]] Result<RestoreReport> restore_paths(
    db::Connection& connection, int cache, std::span<const HashPart> paths, const std::string& who
);

}  // namespace narthex::service
