#include "narthex/service/slot_policy.hpp"

#include <gtest/gtest.h>

namespace narthex::service {
namespace {

using namespace std::chrono_literals;

TEST(SlotPolicy, drops_what_nobody_has_used_for_long) {
    EXPECT_FALSE(why_dropped({false, false, 71h}, 72h));
    EXPECT_TRUE(why_dropped({false, false, 72h}, 72h));
    EXPECT_NE(why_dropped({false, false, 100h}, 72h)->find("100 hours"), std::string::npos);
    EXPECT_FALSE(why_dropped({true, false, 100h}, 72h));
}

TEST(SlotPolicy, never_drops_for_time_where_it_is_told_not_to) {
    EXPECT_FALSE(why_dropped({false, false, 10'000h}, 0h));
}

TEST(SlotPolicy, drops_what_is_lost_at_once) {
    EXPECT_TRUE(why_dropped({false, true, 0s}, 72h));
    EXPECT_TRUE(why_dropped({false, true, 0s}, 0h));
}

}  // namespace
}  // namespace narthex::service
