// What a collector does in which order, under which lock, and when it refuses
// (docs/decisions/0007-collecting.md). The service layer takes its steps and locks from here, and
// tests/core/collect_explorer_test.cpp tries all interleavings of the same steps in a small world.
// Pure, any thread. Times are seconds.
#pragma once

#include "narthex/core/error.hpp"

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace narthex {

// The publishing lock: shared by whoever makes a path wanted, taken alone by the collector.
enum class PublishingLock { none, shared, alone };

// Each step is a transaction (write_rows, announce: many), which begins with its lock.
enum class HideStep {
    write_rows,  // without effect, but whoever wants one of these paths sees it from now on
    announce,    // servers learn of them a bucket after the other, and drop no more in the end
    barrier,     // nothing but the lock: who began before the last row has committed
    recheck,     // what became wanted before that is taken out
    flip,        // the rows that are left take effect
};
inline constexpr std::array k_hide_steps{
    HideStep::write_rows, HideStep::announce, HideStep::barrier, HideStep::recheck, HideStep::flip};
[[nodiscard]] PublishingLock lock_of(HideStep step);

enum class PurgeStep {
    recheck,  // what became wanted without anybody's rescuing it is rescued
    remove,   // a batch of the paths that are hidden still; repeated
};
inline constexpr std::array k_purge_steps{PurgeStep::recheck, PurgeStep::remove};
[[nodiscard]] PublishingLock lock_of(PurgeStep step);

enum class RestoreStep {
    rescue_reached,  // what the batch reaches in others; it would be served without them otherwise
    flip_back,       // the batch's rows lose their effect
};
inline constexpr std::array k_restore_steps{RestoreStep::rescue_reached, RestoreStep::flip_back};
[[nodiscard]] PublishingLock lock_of(RestoreStep step);

enum class PlanState { planned, hiding, hidden, restored, purging, purged };
// "planned", ...: as the database has it.
[[nodiscard]] std::string_view to_string(PlanState state);
[[nodiscard]] PlanState parse_plan_state(std::string_view name);  // throws std::invalid_argument

// --- what is refused; the error is for people, and names the way out ---

// What a plan itself says against being hidden: its interlocks.
struct Objection {
    std::string name;     // "no-roots"; --force-no-roots overrides it
    std::string message;  // what is wrong
};

struct HideQuestion {
    int plan;
    PlanState state;
    std::int64_t age;  // of the plan
    std::vector<Objection> objections;
    std::set<std::string> forced;  // names of objections, and "old-plan"
};
inline constexpr std::int64_t k_oldest_plan = 7 * 86'400;

enum class HideAnswer { hide, hidden_already };
[[nodiscard]] Result<HideAnswer> may_hide(const HideQuestion& question);

enum class RestoreAnswer {
    flip_back,      // it is in effect
    forget_rows,    // it was being hidden
    nothing_to_do,  // it never took effect, or was restored
};
[[nodiscard]] Result<RestoreAnswer> may_restore(int plan, PlanState state);

struct PurgeQuestion {
    int plan;
    PlanState state;
    std::int64_t hidden_for;  // negative: its clock is ahead
    std::int64_t after;       // as it is asked for
    std::int64_t promised;    // how long a client may believe what it was told
    bool forced_early = false;
};
enum class PurgeAnswer { purge, not_due, purged_already };
[[nodiscard]] Result<PurgeAnswer> may_purge(const PurgeQuestion& question);

}  // namespace narthex
