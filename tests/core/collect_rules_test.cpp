#include "narthex/core/collect_rules.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace narthex {
namespace {

constexpr std::int64_t k_day = 86'400;

TEST(CollectRules, refuse_with_the_flag_that_overrides) {
    HideQuestion question{7, PlanState::planned, 60, {{"no-roots", "no root counted"}}, {}};
    EXPECT_NE(may_hide(question).error().message.find("--force-no-roots"), std::string::npos);
    question.forced.insert("no-roots");
    EXPECT_EQ(may_hide(question).value(), HideAnswer::hide);
    question.age = 8 * k_day;
    EXPECT_NE(may_hide(question).error().message.find("--force-old-plan"), std::string::npos);
    question.forced.insert("old-plan");
    EXPECT_EQ(may_hide(question).value(), HideAnswer::hide);
    question.state = PlanState::hidden;
    EXPECT_EQ(may_hide(question).value(), HideAnswer::hidden_already);
    question.state = PlanState::purging;
    EXPECT_TRUE(may_hide(question).has_error());
}

TEST(CollectRules, purge_what_is_due) {
    PurgeQuestion question{7, PlanState::hidden, 62 * k_day, 61 * k_day, 30 * k_day, false};
    EXPECT_EQ(may_purge(question).value(), PurgeAnswer::purge);
    question.hidden_for = 60 * k_day;
    EXPECT_EQ(may_purge(question).value(), PurgeAnswer::not_due);
    question.after = 29 * k_day;
    EXPECT_NE(may_purge(question).error().message.find("--force-early"), std::string::npos);
    question.forced_early = true;
    EXPECT_EQ(may_purge(question).value(), PurgeAnswer::purge);
    question.hidden_for = -k_day;
    EXPECT_NE(may_purge(question).error().message.find("clock"), std::string::npos);
    question.state = PlanState::planned;
    EXPECT_NE(may_purge(question).error().message.find("gc hide"), std::string::npos);
}

}  // namespace
}  // namespace narthex
