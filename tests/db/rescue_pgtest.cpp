// Rescuing paths from hide batches, and what the feed of changes says of it.
#include "narinfos_fixture.hpp"

#include "narthex/db/changes.hpp"
#include "narthex/db/rescue.hpp"

#include <fmt/format.h>

#include <set>

namespace narthex::db {
namespace {

using namespace test;
using Numbers = std::vector<int>;

// 4 -> 3 -> 2 -> 1, and 6 -> 5 -> 1; all but 1 refer to themselves, too.
class RescueTest : public NarinfosTest {
  protected:
    RescueTest() {
        store({made_up(1), made_up(2, {1, 2}), made_up(3, {2, 3}), made_up(4, {3, 4})});
        store({made_up(5, {1, 5}), made_up(6, {5, 6})});
    }

    int batch(bool active, const Numbers& numbers) {
        const auto id = static_cast<int>(number(fmt::format(
            "insert into hide_batch (active, reason) values ({}, 'test') returning id", active
        )));
        for (const int each : numbers) {
            execute(
                database_.uri(), fmt::format("insert into hidden values (1, {}, {})", hex(each), id)
            );
        }
        return id;
    }

    static std::vector<HashPart> hashes(const Numbers& numbers) {
        std::vector<HashPart> out;
        for (const int each : numbers) out.push_back(path_hash(each));
        return out;
    }

    std::size_t rescue(const Numbers& numbers) {
        std::size_t count = 0;
        connection_.write([&](Tx& tx) { count = db::rescue(tx, k_default, hashes(numbers)); });
        return count;
    }

    Numbers in_batches() {
        Numbers out;
        connection_.read([&](Tx& tx) {
            for (int each = 1; each <= 6; ++each) {
                if (!find_in_batches(tx, k_default, hashes({each})).empty()) out.push_back(each);
            }
        });
        return out;
    }

    std::vector<Change> changes(const ChangeCursor& after = {}, int most = 100) {
        std::vector<Change> out;
        connection_.read([&](Tx& tx) { out = read_changes(tx, after, most); });
        return out;
    }

    void purge(int each, const std::string& when) {
        execute(
            database_.uri(),
            fmt::format(
                "insert into purged_narinfo select cache, hash, {}, 0, name, text, nar_hash, "
                "nar_size, first_seen from narinfo where hash = {};"
                "delete from hidden where hash = {}; delete from narinfo where hash = {}",
                when,
                hex(each),
                hex(each),
                hex(each)
            )
        );
    }
};

TEST_F(RescueTest, takes_what_a_path_reaches_out_of_every_batch) {
    batch(true, {1, 2, 3, 4});
    batch(false, {2, 5, 6});
    EXPECT_EQ(text_of(3), "(hidden)");
    EXPECT_EQ(rescue({3}), 3U);
    EXPECT_EQ(in_batches(), (Numbers{4, 5, 6}));
    EXPECT_NE(text_of(3), "(absent)");
    EXPECT_NE(text_of(1), "(absent)");
    EXPECT_EQ(text_of(4), "(hidden)");
    ASSERT_EQ(changes().size(), 1U);
    EXPECT_EQ(changes()[0].kind, ChangeKind::restored);
    const auto told = changes()[0].paths;
    const auto expected = hashes({1, 2, 3});
    EXPECT_EQ(std::set(told.begin(), told.end()), std::set(expected.begin(), expected.end()));
    EXPECT_EQ(rescue({3}), 0U);
    EXPECT_EQ(changes().size(), 1U);
}

TEST_F(RescueTest, of_an_inactive_batch_tells_nobody) {
    batch(false, {1, 2, 3, 4});
    EXPECT_EQ(rescue({4, 6}), 4U);
    EXPECT_TRUE(in_batches().empty());
    EXPECT_TRUE(changes().empty());
}

TEST_F(RescueTest, refuses_what_lacks_something_purged_since) {
    batch(true, {1, 2, 3, 4, 5, 6});
    purge(2, "now() + interval '1 second'");
    try {
        rescue({4, 6});
        FAIL();
    } catch (const ClosurePurged& error) {
        EXPECT_EQ(error.missing(), hashes({2}));
    }
    EXPECT_EQ(in_batches(), (Numbers{1, 3, 4, 5, 6}));
    std::size_t count = 0;
    connection_.write([&](Tx& tx) { count = rescue_whole(tx, k_default, hashes({4, 6})); });
    EXPECT_EQ(count, 3U);
    EXPECT_EQ(in_batches(), (Numbers{3, 4}));
}

TEST_F(RescueTest, does_not_mind_gaps_from_before_it_was_hidden) {
    batch(true, {1, 2, 3, 4});
    purge(2, "now() - interval '1 hour'");
    EXPECT_EQ(rescue({4}), 2U);
    EXPECT_EQ(in_batches(), Numbers{1});
}

TEST_F(RescueTest, reads_the_feed_up_to_what_may_still_come_before) {
    connection_.write([&](Tx& tx) {
        add_change(tx, ChangeKind::published, k_default, hashes({1}));
        add_change(tx, ChangeKind::purged, k_default, {});
    });
    ChangeCursor end;
    connection_.read([&](Tx& tx) { end = end_of_changes(tx); });
    ASSERT_EQ(changes().size(), 1U);
    EXPECT_EQ(changes()[0].at, end);
    Connection late(database_.uri(), Session::publishing);
    late.write([&](Tx& tx) {
        add_change(tx, ChangeKind::published, k_default, hashes({2}));
        connection_.write([&](Tx& other) { add_batch_change(other, ChangeKind::hidden, 1, 7); });
        EXPECT_EQ(changes(end).size(), 0U);
    });
    const auto both = changes(end);
    ASSERT_EQ(both.size(), 2U);
    EXPECT_EQ(both[0].paths, hashes({2}));
    EXPECT_EQ(both[1].batch, 7);
    EXPECT_EQ(changes(both[0].at).size(), 1U);
    EXPECT_EQ(changes({}, 2).size(), 2U);
}

TEST_F(RescueTest, splits_large_changes) {
    std::vector<HashPart> many;
    for (int i = 0; i < 4001; ++i) many.push_back(path_hash(i));
    connection_.write([&](Tx& tx) { add_change(tx, ChangeKind::published, k_default, many); });
    const auto rows = changes();
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[0].paths.size(), 2000U);
    EXPECT_EQ(rows[2].paths, std::vector{many.back()});
}

}  // namespace
}  // namespace narthex::db
