#include "narinfos_fixture.hpp"

#include "narthex/core/tag.hpp"
#include "narthex/db/tags.hpp"

namespace narthex::db {
namespace {

using test::made_up;
using test::path_hash;

const Tag k_a{"job", "1"};
const Tag k_b{"job", "it's \"2\", {\\}"};

class Tags : public NarinfosTest {
  protected:
    std::size_t add(const std::vector<HashPart>& paths, const std::vector<Tag>& tags) {
        std::size_t added = 0;
        connection_.write([&](Tx& tx) { added = add_tags(tx, k_default, paths, tags); });
        return added;
    }

    std::vector<HashPart> list(const Tag& tag, int page, int cache = k_default) {
        std::vector<HashPart> out;
        connection_.read([&](Tx& tx) {
            std::vector<ListedPath> found;
            do {
                const auto after = out.empty() ? std::nullopt : std::optional(out.back());
                found = list_tagged(tx, cache, tag, after, page);
                for (const auto& path : found) out.push_back(path.base.hash);
            } while (static_cast<int>(found.size()) == page);
        });
        return out;
    }
};

TEST_F(Tags, are_added_once) {
    store({made_up(1), made_up(2)});
    EXPECT_EQ(add({path_hash(1), path_hash(2)}, {k_a, k_b}), 4U);
    EXPECT_EQ(add({path_hash(2), path_hash(1)}, {k_b}), 0U);
    EXPECT_EQ(add({}, {k_a}), 0U);
    connection_.read([](Tx& tx) {
        const auto counts = count_tags(tx, k_default);
        ASSERT_EQ(counts.size(), 2U);
        EXPECT_EQ(counts[0].tag, k_a);
        EXPECT_EQ(counts[1].tag, k_b);
        EXPECT_EQ(counts[1].paths, 2U);
        EXPECT_TRUE(count_tags(tx, 2).empty());
    });
}

TEST_F(Tags, are_taken_from_those_that_have_them) {
    store({made_up(1), made_up(2)});
    add({path_hash(1)}, {k_a, k_b});
    connection_.write([](Tx& tx) {
        EXPECT_EQ(remove_tag(tx, 2, std::vector{path_hash(1)}, k_a), 0U);
        EXPECT_EQ(remove_tag(tx, k_default, std::vector{path_hash(1), path_hash(2)}, k_a), 1U);
    });
    EXPECT_TRUE(list(k_a, 10).empty());
    EXPECT_EQ(list(k_b, 10), std::vector{path_hash(1)});
}

TEST_F(Tags, list_paths_in_order_whatever_the_page) {
    std::vector<HashPart> paths;
    for (int number = 1; number <= 20; ++number) {
        store({made_up(number)});
        paths.push_back(path_hash(number));
    }
    add(paths, {k_a});
    // Nobody's narinfo: it ends no page too early.
    add({path_hash(99)}, {k_a});
    std::sort(paths.begin(), paths.end());
    for (const int page : {1, 3, 20, 100}) EXPECT_EQ(list(k_a, page), paths) << page;
    EXPECT_TRUE(list(k_a, 10, 2).empty());
    connection_.read([&](Tx& tx) {
        const auto first = list_tagged(tx, k_default, k_a, std::nullopt, 1).at(0);
        const auto known = std::vector{paths[0]};
        EXPECT_EQ(first.base.hash, paths[0]);
        EXPECT_EQ(find_known(tx, k_default, std::vector{paths[0], path_hash(98)}), known);
    });
}

TEST_F(Tags, have_the_grammar_in_the_database_too) {
    for (const Tag& bad : {Tag{"", "x"}, Tag{"a b", "x"}, Tag{"a", ""}, Tag{"a", "x\ny"}}) {
        EXPECT_THROW(add({path_hash(1)}, {bad}), QueryFailed) << bad.to_string();
    }
}

}  // namespace
}  // namespace narthex::db
