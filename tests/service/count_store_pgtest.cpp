#include "support/database.hpp"

#include "narthex/service/count_store.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <thread>

namespace narthex::service {
namespace {

constexpr std::chrono::seconds k_patience(30);
constexpr std::chrono::seconds k_long(3600);

PathKey key_of(int number) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    bytes[0] = static_cast<unsigned char>(number >> 8);
    bytes[19] = static_cast<unsigned char>(number);
    return {1, HashPart(bytes)};
}

class CountStoreTest : public testing::Test {
  protected:
    [[nodiscard]] CountStoreOptions options(std::chrono::seconds interval) const {
        CountStoreOptions given;
        given.uri = database_.uri();
        given.interval = interval;
        return given;
    }
    [[nodiscard]] std::string sum() const {
        return test::query(
            database_.uri(),
            "select coalesce(sum(served) || ' ' || sum(hidden), '') from request_count"
        );
    }
    [[nodiscard]] bool soon(const std::function<bool()>& condition) const {
        const auto end = std::chrono::steady_clock::now() + k_patience;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return true;
    }

    test::TestDatabase database_;
    RequestCounts counts_;
};

TEST_F(CountStoreTest, stores_every_interval) {
    CountStore store(options(std::chrono::seconds(1)), counts_);
    for (int number = 0; number < 2500; ++number) counts_.add(key_of(number), {2, 1});
    EXPECT_TRUE(soon([this] { return sum() == "5000 2500"; })) << sum();
    counts_.add(key_of(7), {1, 0});
    EXPECT_TRUE(soon([this] { return sum() == "5001 2500"; })) << sum();
    EXPECT_EQ(
        test::query(
            database_.uri(),
            "select count(*) from request_count where day = (now() at time zone 'UTC')::date"
        ),
        "2500"
    );
    EXPECT_TRUE(soon([&] { return store.figures().stored == 7501; }));
    EXPECT_EQ(store.figures().waiting, 0U);
    EXPECT_EQ(store.figures().dropped, 0U);
}

TEST_F(CountStoreTest, asks_for_what_others_hold_and_stores_it_at_the_end) {
    auto given = options(k_long);
    given.hand_over = [this] { counts_.add(key_of(1), {3, 0}); };
    CountStore store(std::move(given), counts_);
    store.stop();
    EXPECT_EQ(sum(), "3 0");
}

TEST_F(CountStoreTest, deletes_what_is_old) {
    test::execute(
        database_.uri(),
        "insert into request_count (cache, hash, day, served)"
        " select 1, substring(sha256(int4send(n)) for 20), now()::date - 500, 1"
        " from generate_series(1, 2500) n"
    );
    const CountStore store(options(std::chrono::seconds(1)), counts_);
    EXPECT_TRUE(soon([this] { return sum().empty(); })) << sum();
}

TEST_F(CountStoreTest, deletes_what_a_region_has_sent_a_week_ago) {
    test::execute(
        database_.uri(),
        "insert into own_count (cache, hash, day, served, sent)"
        " select 1, substring(sha256(int4send(n)) for 20),"
        " (now() at time zone 'UTC')::date - case when n % 2 = 0 then 8 else 6 end, 1, n <= 2400"
        " from generate_series(1, 2500) n"
    );
    auto given = options(std::chrono::seconds(1));
    given.is_primary = [] { return false; };
    const CountStore store(std::move(given), counts_);
    const auto left = [this] {
        return test::query(
            database_.uri(),
            "select count(*) || ' ' || count(*) filter (where not sent) from own_count"
        );
    };
    EXPECT_TRUE(soon([&] { return left() == "1300 100"; })) << left();
}

TEST_F(CountStoreTest, goes_on_after_its_connection_was_lost) {
    CountStore store(options(std::chrono::seconds(1)), counts_);
    counts_.add(key_of(1), {1, 0});
    EXPECT_TRUE(soon([this] { return sum() == "1 0"; }));
    test::execute(
        database_.uri(),
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    );
    counts_.add(key_of(1), {1, 0});
    store.stop();
    EXPECT_EQ(sum(), "2 0");
}

// The server's end has a limit.
TEST_F(CountStoreTest, ends_soon_while_the_database_is_away) {
    auto given = options(std::chrono::seconds(1));
    given.uri = "postgresql:///away?host=/nowhere";
    CountStore store(std::move(given), counts_);
    counts_.add(key_of(1), {1, 0});
    EXPECT_TRUE(soon([&] { return store.figures().waiting == 1; }));
    const auto start = std::chrono::steady_clock::now();
    store.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
    EXPECT_EQ(store.figures().waiting, 1U);
}

TEST_F(CountStoreTest, keeps_a_bounded_number_while_the_database_is_away) {
    auto given = options(std::chrono::seconds(1));
    given.most = 10;
    test::execute(database_.uri(), "alter table request_count rename to away");
    CountStore store(std::move(given), counts_);
    for (int number = 0; number < 15; ++number) counts_.add(key_of(number), {2, 0});
    EXPECT_TRUE(soon([&] { return store.figures().dropped == 10; }));
    EXPECT_EQ(store.figures().waiting, 10U);
    test::execute(database_.uri(), "alter table away rename to request_count");
    EXPECT_TRUE(soon([this] { return sum() == "20 0"; })) << sum();
    EXPECT_TRUE(soon([&] { return store.figures().waiting == 0; }));
    EXPECT_EQ(store.figures().stored, 20U);
}

}  // namespace
}  // namespace narthex::service
