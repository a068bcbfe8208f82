#include "support/region_database.hpp"
#include "support/silent_listener.hpp"
#include "support/wait_until.hpp"

#include "narthex/service/count_sender.hpp"
#include "narthex/service/uplink.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <thread>

namespace narthex::service {
namespace {

using test::wait_until;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

db::SubscriptionState healthy() {
    return {true, true, 0, 0};
}

TEST(Trouble, is_named_with_what_to_do) {
    EXPECT_EQ(trouble_of(healthy(), 8, 8), "");
    EXPECT_EQ(trouble_of(healthy(), 8, 0), "");
    EXPECT_EQ(trouble_of(healthy(), 9, 8), "");
    EXPECT_NE(trouble_of(std::nullopt, 8, 0).find("replica join"), std::string::npos);
    EXPECT_NE(trouble_of(healthy(), 8, 9).find("migrate"), std::string::npos);
    auto state = healthy();
    state.applying = false;
    EXPECT_NE(trouble_of(state, 8, 0).find("apply worker"), std::string::npos);
    state.not_ready = 3;
    EXPECT_NE(trouble_of(state, 8, 0).find("3 tables"), std::string::npos);
    state.enabled = false;
    EXPECT_NE(trouble_of(state, 8, 0).find("switched off"), std::string::npos);
    // What is the reason for the others is said first.
    EXPECT_NE(trouble_of(state, 8, 9).find("narthex migrate"), std::string::npos);
}

class UplinkTest : public testing::Test {
  protected:
    UplinkTest() {
        test::add_region(primary_.uri(), "eu1");
        test::become_region(region_.uri());
        subscribe(primary_.uri());
        reading_.emplace(DatabaseWatchOptions{region_.uri(), {&watch_}, {}, {}});
    }
    ~UplinkTest() override { test::execute(region_.uri(), "drop subscription if exists narthex"); }

    // Nothing is replicated: only the connection string matters here.
    void subscribe(const std::string& uri) const {
        test::execute(
            region_.uri(),
            "create subscription narthex connection $uri$" + uri +
                "$uri$ publication p"
                " with (connect = false, slot_name = none)"
        );
    }
    void start() {
        uplink_.emplace(region_.uri(), watch_, [this](const std::string& primary) {
            const std::lock_guard lock(mutex_);
            told_ = primary;
        });
    }
    std::string told() {
        const std::lock_guard lock(mutex_);
        return told_;
    }
    [[nodiscard]] std::string report(const std::string& columns) const {
        return test::query(
            primary_.uri(),
            "select coalesce((select concat_ws(' ', " + columns + ") from region_report), '')"
        );
    }

    test::TestDatabase primary_;
    test::TestDatabase region_;
    Epochs epochs_;
    InstanceWatch watch_{epochs_};
    std::optional<DatabaseWatch> reading_;
    std::mutex mutex_;
    std::string told_;
    std::optional<Uplink> uplink_;
};

TEST_F(UplinkTest, tells_the_time_and_how_it_is) {
    start();
    wait_until([&] { return !report("name").empty(); }, "it reports");
    EXPECT_EQ(told(), primary_.uri());
    EXPECT_EQ(report("name, epoch, trouble <> ''"), "eu1 1 t");
    EXPECT_TRUE(uplink_->figures().connected);
    // A heartbeat makes it up to date: it has the primary's clock.
    test::apply_heartbeat(region_.uri(), "0 seconds");
    wait_until([&] { return watch_.up_to_date(); }, "it is up to date");
    wait_until(
        [&] { return report("applied_xid is not null") == "t"; }, "it reports the heartbeat"
    );
}

TEST_F(UplinkTest, comes_back_after_it_was_cut) {
    start();
    wait_until([&] { return uplink_->figures().connected; }, "it is connected");
    for (int turn = 0; turn < 2; ++turn) {
        test::execute(
            primary_.uri(),
            "delete from region_report;"
            " select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        );
        wait_until([&] { return report("name") == "eu1"; }, "it reports again");
    }
}

TEST_F(UplinkTest, goes_to_another_primary_without_a_restart) {
    start();
    wait_until([&] { return told() == primary_.uri(); }, "it knows its primary");
    const test::TestDatabase other;
    test::add_region(other.uri(), "eu1");
    test::execute(region_.uri(), "drop subscription narthex");
    wait_until([&] { return told().empty(); }, "it has none");
    subscribe(other.uri());
    wait_until([&] { return told() == other.uri(); }, "it knows the other one");
    wait_until(
        [&] { return test::query(other.uri(), "select count(*) from region_report") == "1"; },
        "it reports there"
    );
    // It was promoted.
    test::execute(region_.uri(), "update instance set role = 'primary', kind = null, name = ''");
    wait_until([&] { return told().empty(); }, "it needs none");
}

TEST_F(UplinkTest, ends_soon_whatever_the_primary_does) {
    test::execute(region_.uri(), "drop subscription narthex");
    test::SilentListener silent;
    subscribe(silent.uri());
    start();
    wait_until([&] { return silent.reached(); }, "it tries");
    const auto begun = Clock::now();
    uplink_.reset();
    EXPECT_LT(Clock::now() - begun, 4s);
}

// As invites say it: ten seconds are for PostgreSQL itself.
TEST_F(UplinkTest, ends_soon_while_packets_are_dropped) {
    boost::asio::io_context context;
    const boost::asio::ip::tcp::acceptor silent(
        context, {boost::asio::ip::make_address("127.0.0.1"), 0}
    );
    const auto port = std::to_string(silent.local_endpoint().port());
    test::execute(region_.uri(), "drop subscription narthex");
    subscribe("postgresql://r:p@127.0.0.1:" + port + "/narthex?connect_timeout=10");
    start();
    wait_until([&] { return told().find(port) != std::string::npos; }, "it tries");
    const auto begun = Clock::now();
    uplink_.reset();
    EXPECT_LT(Clock::now() - begun, 4s);
}

TEST_F(UplinkTest, counts_go_along_on_a_way_of_their_own) {
    test::execute(
        region_.uri(),
        "insert into own_count (cache, hash, day, served)"
        " select 1, substring(sha256(int4send(n)) for 20), '2026-01-01', n"
        " from generate_series(1, 2500) n"
    );
    const auto sum = [this] {
        return test::query(
            primary_.uri(),
            "select coalesce(sum(served), 0) || ' ' || count(*) from request_count"
            " where region = 'eu1'"
        );
    };
    CountSender sender({region_.uri(), 1s, [this] { return primary_.uri(); }});
    wait_until([&] { return sum() == "3126250 2500"; }, "all are there");
    wait_until([&] { return sender.figures().unsent == 0; }, "all are marked");
    EXPECT_EQ(sender.figures().sent, 2500U);
    // Away for a while.
    test::execute(primary_.uri(), "update region set left_at = now()");
    test::execute(region_.uri(), "update own_count set served = served + 1, sent = false");
    wait_until([&] { return sender.figures().unsent == 2500; }, "they can't be sent");
    test::execute(primary_.uri(), "update region set left_at = null");
    wait_until([&] { return sum() == "3128750 2500"; }, "all are there again");
}

}  // namespace
}  // namespace narthex::service
