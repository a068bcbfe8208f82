#include "narthex/core/retention.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace narthex {
namespace {

using Roots = std::set<int>;

constexpr std::int64_t k_now = 1000;

Roots kept(const RetentionRule& rule, const std::vector<Bump>& bumps, std::int64_t now = k_now) {
    const auto fates = judge_bumps(rule, bumps, now);
    EXPECT_EQ(fates.size(), bumps.size());
    Roots roots;
    for (std::size_t i = 0; i < bumps.size(); ++i) {
        if (is_kept(fates[i])) roots.insert(bumps[i].root);
    }
    return roots;
}

const RetentionRule k_supported{ChannelStatus::supported, {}, {}};
const RetentionRule k_end_of_life{ChannelStatus::end_of_life, {}, {}};

RetentionRule rolling(int last) {
    return {ChannelStatus::rolling, last, {}};
}

RetentionRule within(RetentionRule rule, std::int64_t age) {
    rule.max_age = age;
    return rule;
}

const std::vector<Bump> k_bumps{{1, 500}, {2, 900}, {3, 700}, {4, 900}, {5, 100}};

TEST(Retention, keeps_what_the_status_says) {
    EXPECT_EQ(kept(k_supported, k_bumps), (Roots{1, 2, 3, 4, 5}));
    EXPECT_EQ(kept(k_end_of_life, k_bumps), Roots{4});
    EXPECT_EQ(kept(rolling(1), k_bumps), Roots{4});
    EXPECT_EQ(kept(rolling(3), k_bumps), (Roots{2, 3, 4}));
    EXPECT_EQ(kept(rolling(5), k_bumps), (Roots{1, 2, 3, 4, 5}));
    EXPECT_EQ(kept(rolling(3), {}), Roots{});
}

TEST(Retention, keeps_none_that_is_older) {
    EXPECT_EQ(kept(within(k_supported, 300), k_bumps), (Roots{2, 3, 4}));
    EXPECT_EQ(kept(within(k_supported, 299), k_bumps), (Roots{2, 4}));
    EXPECT_EQ(kept(within(rolling(4), 300), k_bumps), (Roots{2, 3, 4}));
    EXPECT_EQ(kept(within(k_end_of_life, 50), k_bumps), Roots{});
    EXPECT_EQ(
        judge_bumps(within(k_end_of_life, 50), k_bumps, k_now),
        std::vector(5, BumpFate::released_by_age)
    );
}

TEST(Retention, survives_clocks_that_differ) {
    const std::vector<Bump> bumps{{1, k_now + 500}, {2, k_now}};
    EXPECT_EQ(kept(within(rolling(1), 10), bumps), Roots{1});
    EXPECT_EQ(kept(within(k_supported, 10), bumps), (Roots{1, 2}));
}

TEST(Retention, tells_why) {
    EXPECT_EQ(
        judge_bumps(within(rolling(2), 800), k_bumps, k_now),
        (std::vector{
            BumpFate::released_by_count,
            BumpFate::kept_among_last,
            BumpFate::released_by_count,
            BumpFate::kept_among_last,
            BumpFate::released_by_age})
    );
    EXPECT_EQ(to_string(BumpFate::kept_as_last), "kept: the last one");
}

TEST(Retention, needs_a_number_where_it_counts) {
    EXPECT_TRUE(check_rule(k_supported));
    EXPECT_TRUE(check_rule(k_end_of_life));
    EXPECT_TRUE(check_rule(within(rolling(1), 1)));
    EXPECT_FALSE(check_rule({ChannelStatus::rolling, {}, {}}));
    EXPECT_FALSE(check_rule(rolling(0)));
    EXPECT_FALSE(check_rule({ChannelStatus::supported, 3, {}}));
    EXPECT_FALSE(check_rule({ChannelStatus::end_of_life, 3, {}}));
    EXPECT_FALSE(check_rule(within(k_supported, 0)));
    for (const auto status : k_channel_statuses) {
        EXPECT_EQ(parse_channel_status(to_string(status)), status);
    }
    EXPECT_FALSE(parse_channel_status("eol"));
}

std::vector<Bump> any_bumps() {
    const auto times = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange(0, 50));
    std::vector<Bump> bumps;
    for (const auto time : times) bumps.push_back({static_cast<int>(bumps.size()), time});
    return bumps;
}

RetentionRule any_rule() {
    RetentionRule rule{
        *rc::gen::elementOf(
            std::vector<ChannelStatus>(k_channel_statuses.begin(), k_channel_statuses.end())
        ),
        {},
        {}};
    if (rule.status == ChannelStatus::rolling) rule.keep_last = *rc::gen::inRange(1, 10);
    if (*rc::gen::arbitrary<bool>()) rule.max_age = *rc::gen::inRange(1, 60);
    return rule;
}

RC_GTEST_PROP(Retention, a_greater_allowance_keeps_no_less, ()) {
    const auto bumps = any_bumps();
    const auto rule = any_rule();
    const auto roots = kept(rule, bumps, 50);
    auto more = rule;
    if (more.keep_last) ++*more.keep_last;
    if (more.max_age) ++*more.max_age;
    RC_ASSERT(std::ranges::includes(kept(more, bumps, 50), roots));
    auto unlimited = rule;
    unlimited.max_age.reset();
    RC_ASSERT(std::ranges::includes(kept(unlimited, bumps, 50), roots));
    RC_ASSERT(
        std::ranges::includes(kept({ChannelStatus::supported, {}, rule.max_age}, bumps, 50), roots)
    );
}

RC_GTEST_PROP(Retention, what_was_released_stays_so_while_time_goes_on, ()) {
    auto bumps = any_bumps();
    const auto rule = any_rule();
    const auto before = kept(rule, bumps, 50);
    const int later = *rc::gen::inRange(50, 100);
    const int fresh = static_cast<int>(bumps.size());
    bumps.push_back({fresh, later});
    auto after = kept(rule, bumps, later);
    after.erase(fresh);
    RC_ASSERT(std::ranges::includes(before, after));
}

RC_GTEST_PROP(Retention, does_not_depend_on_the_order, ()) {
    auto bumps = any_bumps();
    const auto rule = any_rule();
    const auto roots = kept(rule, bumps, 50);
    std::ranges::reverse(bumps);
    RC_ASSERT(kept(rule, bumps, 50) == roots);
    if (rule.status == ChannelStatus::end_of_life) RC_ASSERT(roots.size() <= 1);
    if (rule.keep_last) RC_ASSERT(roots.size() <= static_cast<std::size_t>(*rule.keep_last));
    if (!rule.max_age && !bumps.empty()) RC_ASSERT(!roots.empty());
}

}  // namespace
}  // namespace narthex
