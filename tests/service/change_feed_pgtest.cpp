#include "support/database.hpp"
#include "support/made_up.hpp"

#include "narthex/service/change_feed.hpp"
#include "narthex/service/change_watch.hpp"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <set>
#include <thread>

namespace narthex::service {
namespace {

using std::chrono::steady_clock;
using test::path_hash;

TEST(FeedPlace, is_read_as_it_is_written) {
    const db::ChangeCursor last{18'446'744'073'709'551'615U, 9'223'372'036'854'775'807};
    for (const FeedPlace& place :
         {FeedPlace{}, FeedPlace{{7, 12}, std::nullopt, 3}, FeedPlace{last, path_hash(1), 1}}) {
        EXPECT_EQ(FeedPlace::parse(place.to_string()).value(), place);
    }
    for (const std::string text :
         {"",
          "1",
          "1.1",
          "..",
          "1.1.",
          "1..1",
          ".1.1",
          "-1.1.0",
          "1.-1.0",
          "1.1.-1",
          "1.+1.0",
          "1.1.2.",
          "1.1.2.x",
          "1.1.2.3.4",
          "1.a.b",
          "1. 1.2",
          "1.18446744073709551616.0"}) {
        EXPECT_FALSE(FeedPlace::parse(text)) << text;
    }
}

class ChangeFeed : public testing::Test {
  protected:
    void add(int cache, const std::vector<int>& numbers) {
        std::vector<HashPart> paths;
        for (const int number : numbers) paths.push_back(path_hash(number));
        connection_.write([&](db::Tx& tx) {
            db::add_change(tx, db::ChangeKind::published, cache, paths);
        });
    }

    // A change of a batch with so many paths.
    void add_batch(int paths) {
        test::execute(
            database_.uri(),
            "with b as (insert into hide_batch (reason) values ('test') returning id),"
            " h as (insert into hidden select 1, substr(sha256(i::text::bytea), 1, 20), id"
            " from b, generate_series(1, " +
                std::to_string(paths) +
                ") i) insert into change (kind, cache, batch) select 'hidden', 1, id from b"
        );
    }

    FeedPage read(const FeedPlace& after, std::size_t most) {
        FeedPage page{};
        connection_.read([&](db::Tx& tx) { page = read_feed(tx, 1, after, most); });
        return page;
    }

    db::ChangeCursor end() {
        db::ChangeCursor cursor;
        connection_.read([&](db::Tx& tx) { cursor = db::end_of_changes(tx); });
        return cursor;
    }

    test::TestDatabase database_;
    db::Connection connection_{database_.uri(), db::Session::work};
};

TEST_F(ChangeFeed, tells_each_path_once_whatever_the_page) {
    add(1, {1, 2, 3});
    add(2, {4});
    add_batch(7);
    add(1, {5});
    for (const std::size_t most : {1, 2, 3, 7, 10, 100}) {
        FeedPlace place;
        place.epoch = 5;
        std::size_t paths = 0;
        std::set<HashPart> distinct;
        bool more = true;
        for (int page = 0; more; ++page) {
            ASSERT_LT(page, 20) << most;
            const auto read_page = read(place, most);
            for (const auto& change : read_page.changes) {
                EXPECT_EQ(change.cache, 1);
                paths += change.paths.size();
                distinct.insert(change.paths.begin(), change.paths.end());
            }
            place = FeedPlace::parse(read_page.end.to_string()).value();
            more = read_page.more;
        }
        EXPECT_EQ(paths, 11U) << most;
        EXPECT_EQ(distinct.size(), 11U) << most;
        EXPECT_EQ(place, (FeedPlace{end(), std::nullopt, 5})) << most;
    }
}

TEST_F(ChangeFeed, ends_for_others_caches_too) {
    add(2, {1});
    const auto page = read({}, 10);
    EXPECT_TRUE(page.changes.empty());
    EXPECT_FALSE(page.more);
    EXPECT_EQ(page.end.at, end());
}

struct Waiter {
    std::promise<void> woken;
    std::shared_ptr<int> client = std::make_shared<int>();

    ChangeWait wait(const db::ChangeCursor& after, std::chrono::milliseconds time) {
        return {after, steady_clock::now() + time, client, [this] { woken.set_value(); }};
    }
    bool is_woken() {
        return woken.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready;
    }
};

constexpr std::chrono::hours k_long(1);

TEST_F(ChangeFeed, wakes_who_waits_for_it) {
    ChangeWatch watch(database_.uri(), 10);
    add(1, {1});
    Waiter old;
    Waiter current;
    Waiter short_of_time;
    EXPECT_TRUE(watch.add(current.wait(end(), k_long)));
    EXPECT_TRUE(watch.add(old.wait({}, k_long)));
    EXPECT_TRUE(watch.add(short_of_time.wait(end(), std::chrono::milliseconds(10))));
    EXPECT_TRUE(old.is_woken());
    EXPECT_TRUE(short_of_time.is_woken());
    add(1, {2});
    EXPECT_TRUE(current.is_woken());
}

TEST_F(ChangeFeed, lets_only_so_many_wait_and_wakes_them_at_its_end) {
    Waiter first;
    Waiter second;
    Waiter third;
    {
        ChangeWatch watch(database_.uri(), 1);
        EXPECT_TRUE(watch.add(first.wait(end(), k_long)));
        EXPECT_FALSE(watch.add(second.wait(end(), k_long)));
        // Who is gone makes room.
        first.client.reset();
        const auto deadline = steady_clock::now() + std::chrono::seconds(30);
        while (!watch.add(third.wait(end(), k_long))) {
            ASSERT_LT(steady_clock::now(), deadline);
            std::this_thread::yield();
        }
    }
    EXPECT_TRUE(third.is_woken());
}

TEST_F(ChangeFeed, keeps_its_time_without_a_database) {
    ChangeWatch watch("postgresql:///nowhere?host=/nonexistent", 10);
    Waiter waiter;
    EXPECT_TRUE(watch.add(waiter.wait({}, std::chrono::milliseconds(10))));
    EXPECT_TRUE(waiter.is_woken());
}

}  // namespace
}  // namespace narthex::service
