#include "narthex/core/http_range.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

namespace narthex {
namespace {

struct Case {
    std::string_view header;
    std::uint64_t size;
    RangeAnswer answer;
};

constexpr std::uint64_t k_max = UINT64_MAX;

void check(const std::vector<Case>& cases) {
    for (const Case& each : cases) {
        EXPECT_EQ(parse_range(each.header, each.size), each.answer)
            << each.header << " of " << each.size;
    }
}

TEST(HttpRange, gives_one_range_cut_to_the_body) {
    check({
        {"bytes=0-0", 10, ByteRange{0, 0}},
        {"bytes=2-5", 10, ByteRange{2, 5}},
        {"bytes=2-", 10, ByteRange{2, 9}},
        {"bytes=9-", 10, ByteRange{9, 9}},
        {"bytes=0-9", 10, ByteRange{0, 9}},
        {"bytes=0-10", 10, ByteRange{0, 9}},
        {"bytes=5-18446744073709551615", 10, ByteRange{5, 9}},
        {"bytes=5-99999999999999999999999", 10, ByteRange{5, 9}},
        {"bytes=-1", 10, ByteRange{9, 9}},
        {"bytes=-10", 10, ByteRange{0, 9}},
        {"bytes=-11", 10, ByteRange{0, 9}},
        {"bytes=-99999999999999999999999", 10, ByteRange{0, 9}},
        {"bytes=007-008", 10, ByteRange{7, 8}},
        {"BYTES=1-2", 10, ByteRange{1, 2}},
        {"bytes=0-", k_max, ByteRange{0, k_max - 1}},
    });
}

TEST(HttpRange, is_unsatisfiable_behind_the_body) {
    check({
        {"bytes=10-", 10, UnsatisfiableRange{}},
        {"bytes=10-20", 10, UnsatisfiableRange{}},
        {"bytes=99999999999999999999999-", 10, UnsatisfiableRange{}},
        {"bytes=-0", 10, UnsatisfiableRange{}},
        {"bytes=0-", 0, UnsatisfiableRange{}},
        {"bytes=0-0", 0, UnsatisfiableRange{}},
        {"bytes=-0", 0, UnsatisfiableRange{}},
        {"bytes=18446744073709551615-", k_max, UnsatisfiableRange{}},
    });
}

TEST(HttpRange, ignores_what_it_does_not_serve) {
    const std::string_view headers[] = {
        "",           "bytes",         "bytes=",     "bytes=-",    "bytes=5",     "bytes=a-b",
        "bytes=5-2",  "bytes=0-1,3-4", "bytes=0-1,", "bytes=--1",  "bytes=1--",   "bytes=1-2-3",
        "bytes= 1-2", "bytes=1 -2",    "bytes=1-2 ", "bytes=+1-2", "bytes=0x1-2", "items=0-1",
        "0-1",        "bytes:0-1",     " bytes=0-1", "bytes =0-1", "bytes=1-+2",  "bytes=-+2",
    };
    for (const std::string_view header : headers) {
        EXPECT_EQ(parse_range(header, 10), RangeAnswer(WholeBody{})) << header;
    }
    EXPECT_EQ(parse_range("bytes=-5", 0), RangeAnswer(WholeBody{}));
}

TEST(HttpRange, stays_within_the_body) {
    EXPECT_TRUE(rc::check("a range lies in the body", [](std::uint64_t first, std::uint64_t last) {
        const auto size = *rc::gen::arbitrary<std::uint64_t>();
        const auto header = "bytes=" + std::to_string(first) + "-" + std::to_string(last);
        const RangeAnswer answer = parse_range(header, size);
        if (const auto* range = std::get_if<ByteRange>(&answer)) {
            RC_ASSERT(range->first == first);
            RC_ASSERT(range->first <= range->last);
            RC_ASSERT(range->last < size);
            RC_ASSERT(range->length() <= last - first + 1);
        } else {
            RC_ASSERT(first >= size || first > last);
        }
    }));
}

}  // namespace
}  // namespace narthex
