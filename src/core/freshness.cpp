#include "narthex/core/freshness.hpp"

#include <algorithm>

namespace narthex {

namespace {

// A year: more is never asked for, and sums with it can't overflow.
constexpr std::int64_t k_longest = 365LL * 86'400 * 1'000'000;

// When the heartbeat was written, by the steady clock, or earlier: the primary's clock stood at
// `said` after `asked`, so it stood at `written` after what this returns.
std::int64_t written_after(const ClockReading& reading, const AppliedHeartbeat& heartbeat) {
    const auto apart = std::clamp(heartbeat.written - reading.said, -k_longest, k_longest);
    // It wasn't written after it was seen, whatever clocks say.
    return std::min(reading.asked + apart, heartbeat.seen);
}

}  // namespace

std::int64_t up_to_date_until(const ClockReading& reading, const AppliedHeartbeat& heartbeat) {
    return std::min(
        written_after(reading, heartbeat) + k_up_to_date, reading.asked + k_reading_holds
    );
}

std::int64_t age_at_most(
    const ClockReading& reading, const AppliedHeartbeat& heartbeat, std::int64_t now
) {
    return std::max<std::int64_t>(now - written_after(reading, heartbeat), 0);
}

}  // namespace narthex
