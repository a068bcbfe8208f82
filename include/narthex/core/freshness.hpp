// How old what a region has may be. Its primary writes a heartbeat by its own clock, twice a
// second; once a region has applied one, it has all that was committed before. How long ago that
// was is told by the primary's clock, asked for now and then and carried on by the region's steady
// clock between: neither machine's wall clock has to be right. Pure, any thread.
//
// Times are microseconds: of the region's steady clock, or of the primary's clock, where it says
// so.
#pragma once

#include <cstdint>

namespace narthex {

// What the primary's clock said: somewhen after `asked`.
struct ClockReading {
    std::int64_t asked;
    std::int64_t said;  // by the primary's clock
};

// The heartbeat that was applied last.
struct AppliedHeartbeat {
    std::int64_t written;  // by the primary's clock
    std::int64_t seen;     // first: it wasn't written later
};

// A region is up to date while its heartbeat is younger.
inline constexpr std::int64_t k_up_to_date = 2'000'000;
// A reading isn't carried on for longer: clocks differ in speed, and the primary's may be set.
inline constexpr std::int64_t k_reading_holds = 5'000'000;

// Until when the region is up to date, for certain: at any time before, `heartbeat` was written
// less than k_up_to_date ago. May lie in the past.
[[nodiscard]] std::int64_t up_to_date_until(
    const ClockReading& reading, const AppliedHeartbeat& heartbeat
);

// How old the heartbeat is at most: never less than it is, if `reading` still holds. Never
// negative.
[[nodiscard]] std::int64_t age_at_most(
    const ClockReading& reading, const AppliedHeartbeat& heartbeat, std::int64_t now
);

}  // namespace narthex
