#include "narthex/service/interlocks.hpp"

#include <gtest/gtest.h>

namespace narthex::service {
namespace {

using Words = std::vector<std::string>;

// 100 served paths, 10 of them planned, one root of 10 paths that are all there.
PlanSummary harmless() {
    PlanSummary summary;
    summary.planned.paths = 10;
    summary.live.paths = 90;
    summary.roots = 1;
    summary.rooted_paths = 10;
    return summary;
}

Words names(const PlanSummary& summary, std::optional<std::uint64_t> last_live = {}) {
    Words out;
    for (const auto& each : find_interlocks(summary, last_live, {})) out.push_back(each.name);
    return out;
}

TEST(Interlocks, let_a_harmless_plan_pass) {
    EXPECT_EQ(names(harmless()), Words{});
    EXPECT_EQ(names(harmless(), 90), Words{});
}

TEST(Interlocks, hold_a_plan_without_roots) {
    auto summary = harmless();
    summary.roots = 0;
    summary.rooted_paths = 0;
    EXPECT_EQ(names(summary), Words{"no-roots"});
}

TEST(Interlocks, hold_a_plan_whose_roots_lead_nowhere) {
    auto summary = harmless();
    summary.rooted_paths = 1000;
    summary.unresolved = 10;
    EXPECT_EQ(names(summary), Words{});
    summary.unresolved = 11;
    EXPECT_EQ(names(summary), Words{"unresolved-roots"});
    EXPECT_NE(find_interlocks(summary, {}, {})[0].message.find("11 of 1000"), std::string::npos);
}

TEST(Interlocks, hold_a_plan_that_keeps_much_less_than_the_last_one) {
    auto summary = harmless();
    EXPECT_EQ(names(summary, 112), Words{});
    EXPECT_EQ(names(summary, 113), Words{"shrunk"});
}

TEST(Interlocks, hold_a_plan_of_too_much) {
    auto summary = harmless();
    summary.planned.paths = 360;
    EXPECT_EQ(names(summary), Words{});
    summary.planned.paths = 361;
    EXPECT_EQ(names(summary), Words{"too-many"});
}

TEST(Interlocks, of_an_empty_cache_are_its_missing_roots) {
    EXPECT_EQ(names({}), Words{"no-roots"});
}

}  // namespace
}  // namespace narthex::service
