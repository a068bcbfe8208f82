// Hides what a plan names: its rows are written ahead, and take effect at once. Whatever became
// wanted meanwhile stays served (docs/decisions/0007-collecting.md).
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/service/collect_events.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

namespace narthex::service {

struct HideOptions {
    int plan = 0;
    std::string who;          // for the audit log
    std::size_t rate = 5000;  // paths a second, at most; at least 1
    // How long regions may take to have the rows, before they take effect.
    std::chrono::seconds region_limit{60};
    // Interlocks that shall not hold: "no-roots", ..., "old-plan", "lagging-region".
    std::set<std::string> forced;
};

struct HideReport {
    bool hidden_already = false;  // nothing was done
    bool interrupted = false;     // the same again goes on
    std::uint64_t rescued = 0;    // paths of the plan that stay served: somebody wants them
    std::uint64_t hidden = 0;     // paths
};

// On a session `publishing`, which keeps the collector's lock. An error is a refusal: nothing is
// hidden then that wasn't before. Throws what db throws; the same again goes on then.
[[nodiscard]] Result<HideReport> hide_plan(
    db::Connection& connection, const HideOptions& options, const CollectEvents& events
);

}  // namespace narthex::service
