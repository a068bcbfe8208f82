#include "narthex/service/pace.hpp"

#include <gtest/gtest.h>

namespace narthex::service {
namespace {

using Clock = Pace::Clock;
using std::chrono::milliseconds;

constexpr Clock::time_point k_start(std::chrono::hours(1));

TEST(Pace, takes_a_tenth_of_a_second_at_once_and_at_least_one) {
    EXPECT_EQ(Pace(1).largest_batch(), 1);
    EXPECT_EQ(Pace(19).largest_batch(), 1);
    EXPECT_EQ(Pace(100).largest_batch(), 10);
    EXPECT_EQ(Pace(5000).largest_batch(), 500);
}

TEST(Pace, starts_at_once_and_keeps_its_distance) {
    Pace pace(100);
    auto now = k_start;
    for (int i = 0; i < 50; ++i) {
        now = pace.take(10, now);
        EXPECT_EQ(now, k_start + i * milliseconds(100));
    }
}

TEST(Pace, goes_by_what_a_batch_has) {
    Pace pace(100);
    EXPECT_EQ(pace.take(3, k_start), k_start);
    EXPECT_EQ(pace.take(10, k_start), k_start + milliseconds(30));
    EXPECT_EQ(pace.take(1, k_start), k_start + milliseconds(130));
}

TEST(Pace, catches_up_with_what_was_a_little_late) {
    Pace pace(100);
    (void)pace.take(10, k_start);
    const auto late = k_start + milliseconds(180);
    EXPECT_EQ(pace.take(10, late), late);
    EXPECT_EQ(pace.take(10, late), k_start + milliseconds(200));
}

TEST(Pace, has_no_burst_after_a_pause) {
    Pace pace(100);
    (void)pace.take(10, k_start);
    const auto later = k_start + std::chrono::seconds(60);
    EXPECT_EQ(pace.take(10, later), later);
    EXPECT_EQ(pace.take(10, later), later + milliseconds(100));
}

TEST(Pace, is_right_on_average_while_each_batch_takes_its_time) {
    Pace pace(1000);
    auto now = k_start;
    for (int i = 0; i < 100; ++i) {
        now = pace.take(100, now) + milliseconds(i % 10 == 0 ? 150 : 20);
    }
    EXPECT_GE(now - k_start, milliseconds(9900));
    EXPECT_LE(now - k_start, milliseconds(10'200));
}

}  // namespace
}  // namespace narthex::service
