#include "narthex/core/record_splitter.hpp"

#include "narthex/core/narinfo.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

namespace narthex {
namespace {

std::vector<Record> split(std::string_view text, std::size_t step = std::string_view::npos) {
    std::vector<Record> records;
    RecordSplitter splitter([&](Record record) { records.push_back(std::move(record)); });
    while (!text.empty()) {
        splitter.feed(text.substr(0, step));
        text.remove_prefix(std::min(step, text.size()));
    }
    splitter.finish();
    return records;
}

struct Expected {
    std::string_view text;
    std::size_t first_line;
};

TEST(RecordSplitter, cuts_at_empty_lines) {
    const struct {
        std::string_view stream;
        std::vector<Expected> records;
    } cases[] = {
        {"", {}},
        {"\n\n\n", {}},
        {"a\n", {{"a\n", 1}}},
        {"a", {{"a", 1}}},
        {"a\nb\n", {{"a\nb\n", 1}}},
        {"a\n\nb\n", {{"a\n", 1}, {"b\n", 3}}},
        {"a\n\nb", {{"a\n", 1}, {"b", 3}}},
        {"\n\na\n\n\n\nb\nc\n\n", {{"a\n", 3}, {"b\nc\n", 7}}},
        {"a\n \nb\n", {{"a\n \nb\n", 1}}},
        {"a\r\n\r\nb\n", {{"a\r\n\r\nb\n", 1}}},
    };
    for (const auto& [stream, expected] : cases) {
        const auto records = split(stream);
        ASSERT_EQ(records.size(), expected.size()) << stream;
        for (std::size_t i = 0; i < records.size(); ++i) {
            EXPECT_EQ(records[i].text, expected[i].text) << stream;
            EXPECT_EQ(records[i].first_line, expected[i].first_line) << stream;
            EXPECT_FALSE(records[i].oversized);
        }
    }
}

TEST(RecordSplitter, emits_a_record_as_soon_as_its_empty_line_is_there) {
    std::size_t count = 0;
    RecordSplitter splitter([&](const Record&) { ++count; });
    splitter.feed("a\n");
    EXPECT_EQ(count, 0u);
    splitter.feed("\n");
    EXPECT_EQ(count, 1u);
}

TEST(RecordSplitter, does_not_care_where_the_chunks_end) {
    EXPECT_TRUE(rc::check("chunks don't matter", [] {
        const auto text =
            *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab\n\n")));
        const auto step = *rc::gen::inRange<std::size_t>(1, 5);
        const auto whole = split(text);
        const auto parts = split(text, step);
        RC_ASSERT(whole.size() == parts.size());
        for (std::size_t i = 0; i < whole.size(); ++i) {
            RC_ASSERT(whole[i].text == parts[i].text);
            RC_ASSERT(whole[i].first_line == parts[i].first_line);
        }
    }));
}

TEST(RecordSplitter, finds_again_what_was_joined) {
    EXPECT_TRUE(rc::check("joined records are found again", [] {
        const auto line = rc::gen::nonEmpty(
            rc::gen::container<std::string>(rc::gen::elementOf(std::string("abc: ")))
        );
        const auto lines = *rc::gen::container<std::vector<std::string>>(line);
        std::string stream;
        for (const auto& each : lines) stream.append(each).append("\n\n");
        const auto records = split(stream);
        RC_ASSERT(records.size() == lines.size());
        for (std::size_t i = 0; i < lines.size(); ++i) {
            RC_ASSERT(records[i].text == lines[i] + "\n");
            RC_ASSERT(records[i].first_line == 2 * i + 1);
        }
    }));
}

TEST(RecordSplitter, reports_an_oversized_record_and_goes_on_behind_it) {
    const std::string largest = std::string(k_max_narinfo_bytes - 1, 'x') + "\n";
    for (const std::size_t step : {std::string::npos, std::size_t{70'001}}) {
        const auto records = split("a\n\n" + largest + "y\n\nb\n\n" + largest, step);
        ASSERT_EQ(records.size(), 4u);
        EXPECT_TRUE(records[1].oversized);
        EXPECT_EQ(records[1].text, "");
        EXPECT_EQ(records[1].first_line, 3u);
        EXPECT_EQ(records[2].text, "b\n");
        EXPECT_EQ(records[2].first_line, 6u);
        EXPECT_FALSE(records[3].oversized);
        EXPECT_EQ(records[3].text, largest);
    }
}

TEST(RecordSplitter, reports_an_oversized_record_at_the_end_of_the_stream) {
    const auto records = split(std::string(k_max_narinfo_bytes + 1, 'x'), 4096);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_TRUE(records[0].oversized);
}

}  // namespace
}  // namespace narthex
