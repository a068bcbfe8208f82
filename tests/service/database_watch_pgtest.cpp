#include "support/database.hpp"
#include "support/wait_until.hpp"

#include "narthex/db/migrate.hpp"
#include "narthex/service/database_watch.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

namespace narthex::service {
namespace {

using test::wait_until;
using Clock = std::chrono::steady_clock;

struct Counted : Watched {
    void read(db::Connection& connection) override {
        connection.read([](db::Tx&) {});
        if (failing) throw std::runtime_error("as the test wants it");
        if (mismatch) throw db::SchemaMismatch("of another version");
        ++reads;
    }
    void not_read() override { ++failures; }

    std::atomic<bool> failing = false;
    std::atomic<bool> mismatch = false;
    std::atomic<int> reads = 0;
    std::atomic<int> failures = 0;
};

class DatabaseWatchTest : public testing::Test {
  protected:
    std::string connections() {
        return test::query(
            database_.uri(),
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        );
    }

    test::TestDatabase database_;
    Counted first_;
    Counted second_;
};

TEST_F(DatabaseWatchTest, reads_all_at_once_and_again_on_one_connection) {
    const DatabaseWatch watch({database_.uri(), {&first_, &second_}, {}, {}});
    EXPECT_GE(first_.reads, 1);
    EXPECT_GE(second_.reads, 1);
    wait_until([&] { return first_.reads >= 3 && second_.reads >= 3; }, "they are read again");
    EXPECT_EQ(connections(), "1");
}

TEST_F(DatabaseWatchTest, what_cannot_be_read_keeps_nothing_else_from_it) {
    std::atomic<int> revived = 0;
    const DatabaseWatch watch({database_.uri(), {&first_, &second_}, [&] { ++revived; }, {}});
    first_.failing = true;
    wait_until([&] { return first_.failures > 1; }, "the first fails");
    const int before = second_.reads;
    wait_until([&] { return second_.reads > before + 1; }, "the second is read");
    EXPECT_EQ(second_.failures, 0);
    EXPECT_GT(revived, 0);
    first_.failing = false;
    const int failed = first_.reads;
    wait_until([&] { return first_.reads > failed; }, "the first is read again");
}

TEST_F(DatabaseWatchTest, goes_on_after_its_connection_was_lost) {
    const DatabaseWatch watch({database_.uri(), {&first_}, {}, {}});
    test::execute(
        database_.uri(),
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    );
    wait_until([&] { return first_.failures > 0; }, "it is lost");
    const int before = first_.reads;
    wait_until([&] { return first_.reads > before; }, "it is read again");
}

TEST_F(DatabaseWatchTest, says_that_the_schema_is_another) {
    std::atomic<int> said = 0;
    const DatabaseWatch watch({database_.uri(), {&first_}, {}, [&](const std::string& reason) {
                                   if (reason == "of another version") ++said;
                               }});
    first_.mismatch = true;
    wait_until([&] { return said > 0; }, "it says so");
}

TEST_F(DatabaseWatchTest, throws_at_the_start_what_cannot_be_read) {
    first_.failing = true;
    const DatabaseWatchOptions options{database_.uri(), {&first_}, {}, {}};
    EXPECT_THROW(DatabaseWatch{options}, std::runtime_error);
}

}  // namespace
}  // namespace narthex::service
