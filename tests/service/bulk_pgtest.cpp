#include "support/database.hpp"

#include "narthex/service/bulk.hpp"

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <mutex>
#include <stdexcept>

namespace narthex::service {
namespace {

using test::TestDatabase;

constexpr std::chrono::seconds k_patience(30);

TEST(BulkRoom, gives_no_more_than_there_is) {
    constexpr std::size_t k_mib = 1024 * 1024;
    const BulkRoom room(k_mib);
    EXPECT_FALSE(room.enter(k_mib));  // a request costs something itself
    auto first = room.enter(k_mib / 2);
    ASSERT_TRUE(first);
    EXPECT_FALSE(room.enter(k_mib / 2));
    EXPECT_FALSE(first->grow(k_mib / 2));
    EXPECT_TRUE(first->grow(k_mib / 4));
    first.reset();
    EXPECT_TRUE(room.enter(k_mib / 2));
}

TEST(BulkRoom, may_go_before_its_shares) {
    std::shared_ptr<BulkShare> share;
    {
        const BulkRoom room(1024 * 1024);
        share = room.enter(1);
    }
    EXPECT_TRUE(share->grow(1));
}

// How a task has ended, when it has.
class Ending {
  public:
    BulkTask task(std::function<void(db::LookupConnection&)> work = {}) {
        return {
            client_,
            std::chrono::steady_clock::now() + k_patience,
            [this, work = std::move(work)](db::LookupConnection& connection) {
                if (work) work(connection);
                end_.set_value("run");
            },
            [this] { end_.set_value("failed"); }};
    }
    std::string wait() {
        if (future_.wait_for(k_patience) != std::future_status::ready) return "never";
        return future_.get();
    }
    [[nodiscard]] bool has_ended() const {
        return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    }
    void leave() { client_.reset(); }

  private:
    std::shared_ptr<int> client_ = std::make_shared<int>();
    std::promise<std::string> end_;
    std::future<std::string> future_ = end_.get_future();
};

BulkOptions options_for(const std::string& uri) {
    BulkOptions options;
    options.uri = uri;
    return options;
}

const std::string k_nowhere = "host=/nonexistent dbname=x";

TEST(BulkLookups, run_tasks_once_each_in_their_order) {
    const TestDatabase database;
    BulkLookups lookups(options_for(database.uri()));
    std::string order;
    std::array<Ending, 3> endings;
    for (std::size_t i = 0; i < endings.size(); ++i) {
        lookups.submit(endings[i].task([&order, i](auto& connection) {
            EXPECT_TRUE(connection.find_present({}).empty());
            order += std::to_string(i);
        }));
    }
    for (auto& ending : endings) EXPECT_EQ(ending.wait(), "run");
    EXPECT_EQ(order, "012");
}

TEST(BulkLookups, try_again_on_a_fresh_connection_where_one_broke) {
    const TestDatabase database;
    BulkLookups lookups(options_for(database.uri()));
    for (int round = 0; round < 3; ++round) {
        Ending ending;
        lookups.submit(ending.task([](auto& connection) {
            EXPECT_TRUE(connection.find_present({}).empty());
        }));
        EXPECT_EQ(ending.wait(), "run");
        test::execute(
            database.uri(),
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        );
    }
}

TEST(BulkLookups, fail_all_where_nothing_listens_and_try_to_revive_it) {
    std::promise<void> revived;
    std::once_flag once;
    auto options = options_for(k_nowhere);
    options.revive = [&] { std::call_once(once, [&] { revived.set_value(); }); };
    std::array<Ending, 10> endings;
    BulkLookups lookups(std::move(options));
    for (auto& ending : endings) lookups.submit(ending.task());
    for (auto& ending : endings) EXPECT_EQ(ending.wait(), "failed");
    EXPECT_EQ(revived.get_future().wait_for(k_patience), std::future_status::ready);
}

TEST(BulkLookups, fail_what_throws_and_go_on) {
    const TestDatabase database;
    BulkLookups lookups(options_for(database.uri()));
    Ending bad;
    Ending good;
    lookups.submit(bad.task([](auto&) { throw std::runtime_error("a bug"); }));
    lookups.submit(good.task());
    EXPECT_EQ(bad.wait(), "failed");
    EXPECT_EQ(good.wait(), "run");
}

TEST(BulkLookups, fail_what_is_late_and_forget_what_nobody_wants) {
    const TestDatabase database;
    BulkLookups lookups(options_for(database.uri()));
    Ending late;
    Ending gone;
    Ending last;
    auto task = late.task();
    task.deadline = {};
    lookups.submit(std::move(task));
    auto unwanted = gone.task();
    gone.leave();
    lookups.submit(std::move(unwanted));
    lookups.submit(last.task());
    EXPECT_EQ(late.wait(), "failed");
    EXPECT_EQ(last.wait(), "run");
    EXPECT_FALSE(gone.has_ended());
}

TEST(BulkLookups, fail_what_is_queued_when_they_end) {
    const TestDatabase database;
    Ending queued;
    std::promise<void> under_way;
    std::promise<void> go_on;  // outlives the thread that waits for it
    Ending first;
    {
        BulkLookups lookups(options_for(database.uri()));
        lookups.submit(first.task([&](auto&) {
            under_way.set_value();
            go_on.get_future().wait();
        }));
        under_way.get_future().wait();
        lookups.submit(queued.task());
        go_on.set_value();
    }
    EXPECT_EQ(first.wait(), "run");
    EXPECT_NE(queued.wait(), "never");
}

}  // namespace
}  // namespace narthex::service
