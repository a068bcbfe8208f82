#include "narthex/service/time_text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace narthex::service {
namespace {

constexpr std::int64_t k_now = 1'795'549'379;  // 2026-11-24T19:42:59Z

TEST(TimeText, is_utc) {
    EXPECT_EQ(time_text(0), "1970-01-01T00:00:00Z");
    EXPECT_EQ(time_text(k_now), "2026-11-24T19:42:59Z");
    EXPECT_EQ(time_text(951'782'400), "2000-02-29T00:00:00Z");
}

TEST(Expiry, is_a_duration_a_date_or_never) {
    EXPECT_EQ(*parse_expiry("never", k_now), std::nullopt);
    EXPECT_EQ(*parse_expiry("90d", k_now), k_now + 90 * 86'400);
    EXPECT_EQ(*parse_expiry("1h", k_now), k_now + 3600);
    EXPECT_EQ(time_text(**parse_expiry("2027-01-31", k_now)), "2027-01-31T00:00:00Z");
    EXPECT_EQ(time_text(**parse_expiry("2028-02-29", k_now)), "2028-02-29T00:00:00Z");
    EXPECT_EQ(time_text(**parse_expiry("36600d", 0)), "2070-03-17T00:00:00Z");
}

TEST(Expiry, is_nothing_else) {
    for (const auto* text :
         {"",
          "90",
          "d",
          "-1d",
          "+1d",
          "1.5d",
          "90 d",
          "1y",
          "Never",
          "36601d",
          "99999999999999999999d",
          "2027-02-29",
          "2027-13-01",
          "2027-00-10",
          "27-01-31",
          "2027-1-31",
          "2027/01/31",
          "2027-01-31T00:00:00Z"}) {
        const auto expiry = parse_expiry(text, k_now);
        ASSERT_FALSE(expiry) << text;
        EXPECT_NE(expiry.error().message.find("90d"), std::string::npos);
    }
}

TEST(Expiry, is_in_the_future) {
    for (const auto* text : {"0d", "0h", "2026-11-24", "1970-01-01", "0000-01-01"}) {
        const auto expiry = parse_expiry(text, k_now);
        ASSERT_FALSE(expiry) << text;
        EXPECT_NE(expiry.error().message.find("has passed"), std::string::npos);
    }
}

RC_GTEST_PROP(ExpiryProperty, reads_the_dates_that_are_written, ()) {
    const auto day = *rc::gen::inRange<std::int64_t>(1, 2'000'000);
    const auto text = time_text(day * 86'400);
    RC_ASSERT(*parse_expiry(text.substr(0, 10), 0) == day * 86'400);
}

TEST(Time, may_have_passed) {
    EXPECT_EQ(parse_time("1970-01-01").value(), 0);
    EXPECT_EQ(parse_time("2026-11-24T19:42:59Z").value(), k_now);
    for (const auto* text :
         {"",
          "2026-11-31",
          "2026-11-24T",
          "2026-11-24T19:42:59",
          "2026-11-24 19:42:59Z",
          "2026-11-24T24:00:00Z",
          "2026-11-24T19:60:00Z",
          "2026-11-24T19:42:5xZ",
          "2026-11-24T19:42:59Zx",
          "90d",
          "now"}) {
        EXPECT_FALSE(parse_time(text)) << text;
    }
}

RC_GTEST_PROP(Time, is_read_as_it_is_written, ()) {
    const auto time = static_cast<std::int64_t>(*rc::gen::inRange<std::int64_t>(0, 4'000'000'000));
    RC_ASSERT(parse_time(time_text(time)).value() == time);
}

TEST(Span, is_of_days_or_hours) {
    EXPECT_EQ(parse_span("90d").value(), 90 * 86'400);
    EXPECT_EQ(parse_span("1h").value(), 3600);
    for (const auto* text : {"", "0d", "-1d", "90", "1w", "2027-01-31", "never"}) {
        EXPECT_FALSE(parse_span(text)) << text;
    }
}

}  // namespace
}  // namespace narthex::service
