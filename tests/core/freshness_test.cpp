#include "narthex/core/freshness.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>

namespace narthex {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;

std::int64_t micros(microseconds time) {
    return time.count();
}

// Times of one world, as everybody's clocks show them: the primary's is wrong by `skew`.
struct World {
    milliseconds skew;

    [[nodiscard]] static std::int64_t steady(milliseconds time) { return micros(time + 1h); }
    [[nodiscard]] std::int64_t primary(milliseconds time) const {
        return micros(time + 400'000h + skew);
    }
};

const milliseconds k_skews[] = {0ms, -5000ms, 5000ms, -24h, 24h, -200'000h, 200'000h};

TEST(Freshness, is_two_seconds_whatever_the_clocks_say) {
    for (const auto skew : k_skews) {
        const World world{skew};
        // Written at 10.0 s, seen at 10.3 s; the clock asked at 10.5 s, and read at 10.5 s.
        const ClockReading reading{world.steady(10'500ms), world.primary(10'500ms)};
        const AppliedHeartbeat heartbeat{world.primary(10'000ms), world.steady(10'300ms)};
        EXPECT_EQ(up_to_date_until(reading, heartbeat), world.steady(12'000ms)) << skew.count();
        EXPECT_EQ(age_at_most(reading, heartbeat, world.steady(11'000ms)), micros(1s))
            << skew.count();
    }
}

// An answer that took long might have been read at its beginning.
TEST(Freshness, takes_the_bound_that_is_certain_of_a_slow_answer) {
    const World world{0ms};
    // Asked at 10.0 s, read at 11.5 s.
    const ClockReading reading{world.steady(10'000ms), world.primary(11'500ms)};
    const AppliedHeartbeat heartbeat{world.primary(11'000ms), world.steady(11'200ms)};
    EXPECT_EQ(up_to_date_until(reading, heartbeat), world.steady(11'500ms));
}

TEST(Freshness, ends_when_the_uplink_is_gone) {
    const World world{0ms};
    const ClockReading reading{world.steady(10'000ms), world.primary(10'000ms)};
    for (milliseconds beat = 10'000ms; beat < 60'000ms; beat += 500ms) {
        const AppliedHeartbeat heartbeat{world.primary(beat), world.steady(beat)};
        EXPECT_LE(up_to_date_until(reading, heartbeat), world.steady(15'000ms));
    }
}

TEST(Freshness, ends_when_nothing_is_applied) {
    const World world{0ms};
    const AppliedHeartbeat heartbeat{world.primary(10'000ms), world.steady(10'100ms)};
    for (milliseconds asked = 10'000ms; asked < 60'000ms; asked += 500ms) {
        const ClockReading reading{world.steady(asked), world.primary(asked)};
        EXPECT_EQ(up_to_date_until(reading, heartbeat), world.steady(12'000ms));
    }
}

// A heartbeat from before the clock was set back looks as if it came from the future.
TEST(Freshness, never_takes_a_heartbeat_for_younger_than_it_was_when_it_was_seen) {
    const World world{0ms};
    const ClockReading reading{world.steady(10'000ms), world.primary(10'000ms)};
    const AppliedHeartbeat heartbeat{world.primary(3'600'000ms), world.steady(10'100ms)};
    EXPECT_EQ(up_to_date_until(reading, heartbeat), world.steady(12'100ms));
    EXPECT_EQ(age_at_most(reading, heartbeat, world.steady(10'600ms)), micros(500ms));
}

RC_GTEST_PROP(Freshness, never_says_up_to_date_of_an_old_heartbeat, ()) {
    const auto time = rc::gen::inRange(0, 20'000);
    const World world{milliseconds(*rc::gen::inRange<std::int64_t>(-1'000'000'000, 1'000'000'000))};
    const milliseconds written(*time);
    const milliseconds seen = written + milliseconds(*time);
    const milliseconds asked(*time);
    const milliseconds read = asked + milliseconds(*rc::gen::inRange(0, 3'000));
    const ClockReading reading{world.steady(asked), world.primary(read)};
    const AppliedHeartbeat heartbeat{world.primary(written), world.steady(seen)};
    // Who asks then knows both.
    const auto now = std::max(seen, read) + milliseconds(*rc::gen::inRange(0, 10'000));
    RC_CLASSIFY(world.steady(now) < up_to_date_until(reading, heartbeat));
    if (world.steady(now) < up_to_date_until(reading, heartbeat)) {
        RC_ASSERT(micros(now - written) < k_up_to_date);
    }
    RC_ASSERT(age_at_most(reading, heartbeat, world.steady(now)) >= micros(now - written));
}

// The bound is of use: a region near its primary is up to date all the time.
RC_GTEST_PROP(Freshness, says_up_to_date_of_a_young_heartbeat, ()) {
    const World world{milliseconds(*rc::gen::inRange<std::int64_t>(-1'000'000'000, 1'000'000'000))};
    const milliseconds written(10'000);
    const milliseconds seen = written + milliseconds(*rc::gen::inRange(0, 700));
    const milliseconds asked = written + milliseconds(*rc::gen::inRange(-500, 500));
    const milliseconds read = asked + milliseconds(*rc::gen::inRange(0, 300));
    const ClockReading reading{world.steady(asked), world.primary(read)};
    const AppliedHeartbeat heartbeat{world.primary(written), world.steady(seen)};
    RC_ASSERT(world.steady(written + 1'700ms) <= up_to_date_until(reading, heartbeat));
}

}  // namespace
}  // namespace narthex
