// Plans a collection: marks what roots and policies keep, and stores what is left as a plan, with
// why and how much, all as of one moment. Nothing that is served changes.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/service/interlocks.hpp"
#include "narthex/service/mark.hpp"
#include "narthex/service/plan_summary.hpp"
#include "narthex/service/seeds.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace narthex::service {

struct PlanOptions {
    Cache cache;             // as stored
    std::string created_by;  // who
    KeepPolicy keep;
    std::optional<Engine> engine;  // absent: by the size of the graph
    std::uint64_t stream_above = k_stream_above;
    PlanLimits limits;
    std::optional<double> price_per_tb;  // of 10^12 stored bytes, a month
    std::int64_t now = 0;                // seconds since 1970
};

struct PlanReport {
    int plan;
    Engine engine;
    PlanSummary summary;
};

// So long a plan that isn't hidden is kept; older ones go with the next that is stored.
inline constexpr std::chrono::days k_unhidden_plan_kept(30);

struct PlanEvents {
    MarkProgress progress;
    const std::atomic<bool>* stop = nullptr;
};

// Once it is stored, old ones are forgotten. Throws db::Stopped when it was stopped: no plan was
// stored. Else what db throws.
[[nodiscard]] PlanReport make_plan(
    const std::string& database, const PlanOptions& options, const PlanEvents& events
);

}  // namespace narthex::service
