// What makes a plan look like a mistake. Such a plan is stored to be looked at, and not hidden
// unless whoever hides it names what it ignores. Pure.
#pragma once

#include "narthex/service/plan_summary.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace narthex::service {

// Shares, from 0 to 1.
struct PlanLimits {
    double planned = 0.8;      // of what is served, that may be planned
    double shrunk = 0.2;       // of what lived at the last plan, that may have died since
    double unresolved = 0.01;  // of rooted paths, that may have no narinfo
};

// In this order: no-roots, unresolved-roots, shrunk, too-many. `last_live`: paths that lived at the
// last plan of the cache.
[[nodiscard]] std::vector<Interlock> find_interlocks(
    const PlanSummary& summary, std::optional<std::uint64_t> last_live, const PlanLimits& limits
);

}  // namespace narthex::service
