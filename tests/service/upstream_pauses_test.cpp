#include "narthex/service/upstream_pauses.hpp"

#include <gtest/gtest.h>

namespace narthex::service {
namespace {

using namespace std::chrono_literals;

constexpr UpstreamPauses::Time k_start(1h);
const std::string k_a = "https://a.example.org";
const std::string k_b = "https://b.example.org";

TEST(UpstreamPauses, leave_whoever_answers_alone) {
    UpstreamPauses pauses;
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(pauses.may_ask(k_a, k_start));
    EXPECT_FALSE(pauses.succeeded(k_a));
    EXPECT_FALSE(pauses.paused(k_a));
}

TEST(UpstreamPauses, let_one_probe_through_when_a_pause_is_over) {
    UpstreamPauses pauses;
    EXPECT_TRUE(pauses.failed(k_a, k_start, k_start + 2s));
    EXPECT_TRUE(pauses.paused(k_a));
    EXPECT_FALSE(pauses.may_ask(k_a, k_start + 2s + 999ms));
    EXPECT_TRUE(pauses.may_ask(k_a, k_start + 3s));
    EXPECT_FALSE(pauses.may_ask(k_a, k_start + 1h));
    EXPECT_TRUE(pauses.succeeded(k_a));
    EXPECT_TRUE(pauses.may_ask(k_a, k_start + 3s));
    EXPECT_TRUE(pauses.may_ask(k_a, k_start + 3s));
}

TEST(UpstreamPauses, are_of_each_upstream_for_itself) {
    UpstreamPauses pauses;
    (void)pauses.failed(k_a, k_start, k_start);
    EXPECT_TRUE(pauses.may_ask(k_b, k_start));
    EXPECT_FALSE(pauses.paused(k_b));
}

TEST(UpstreamPauses, grow_no_longer_by_what_was_under_way_when_they_began) {
    UpstreamPauses pauses;
    EXPECT_TRUE(pauses.failed(k_a, k_start, k_start + 2s));
    for (int i = 0; i < 50; ++i) EXPECT_FALSE(pauses.failed(k_a, k_start + 1s, k_start + 3s));
    EXPECT_TRUE(pauses.may_ask(k_a, k_start + 3s));
}

TEST(UpstreamPauses, double_with_each_probe_that_fails_up_to_a_minute) {
    UpstreamPauses pauses;
    auto now = k_start;
    (void)pauses.failed(k_a, now, now);
    for (const auto length : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s}) {
        EXPECT_FALSE(pauses.may_ask(k_a, now + length - 1ms)) << length.count();
        now += length;
        EXPECT_TRUE(pauses.may_ask(k_a, now)) << length.count();
        EXPECT_FALSE(pauses.failed(k_a, now, now));
    }
    EXPECT_TRUE(pauses.succeeded(k_a));
    EXPECT_TRUE(pauses.failed(k_a, now, now));  // from the beginning
    EXPECT_TRUE(pauses.may_ask(k_a, now + 1s));
}

}  // namespace
}  // namespace narthex::service
