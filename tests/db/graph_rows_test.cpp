// What a COPY of the graph brings, however it is cut into pieces.
#include "../../src/db/graph_rows.hpp"

#include "../../src/db/binary_copy.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace narthex::db {
namespace {

using Rows = std::map<int, std::vector<int>>;

std::string copy_of(const Rows& rows) {
    BinaryCopy copy(2);
    for (const auto& [id, references] : rows) {
        copy.row();
        copy.int4(id);
        copy.int4_array(references);
    }
    return copy.take();
}

Rows read(const std::string& bytes, const std::vector<std::size_t>& cuts, const Wanted& wanted) {
    Rows rows;
    const GraphRow row = [&](int id, std::span<const int> references) {
        rows.emplace(id, std::vector(references.begin(), references.end()));
    };
    GraphRows reader(wanted, row);
    std::string_view left = bytes;
    for (const auto cut : cuts) {
        const auto size = std::min(cut, left.size());
        reader.feed(left.substr(0, size));
        left.remove_prefix(size);
    }
    reader.feed(left);
    return rows;
}

RC_GTEST_PROP(GraphRows, are_read_wherever_they_are_cut, (const Rows& rows)) {
    const auto cuts =
        *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 40));
    RC_ASSERT(read(copy_of(rows), cuts, [](int) { return true; }) == rows);
}

TEST(GraphRows, are_skipped_where_they_arent_wanted) {
    const Rows rows{{1, {}}, {2, {1, 2}}, {3, {1}}};
    EXPECT_EQ(read(copy_of(rows), {}, [](int id) { return id == 3; }), (Rows{{3, {1}}}));
}

TEST(GraphRows, refuse_what_is_no_array_of_ids) {
    std::vector<int> ids;
    EXPECT_THROW(decode_ids("", ids), std::logic_error);
    EXPECT_THROW(decode_ids(std::string(20, '\1'), ids), std::logic_error);
    decode_ids(std::string(12, '\0'), ids);
    EXPECT_TRUE(ids.empty());
}

}  // namespace
}  // namespace narthex::db
