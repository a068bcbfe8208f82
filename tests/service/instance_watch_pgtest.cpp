#include "support/region_database.hpp"
#include "support/wait_until.hpp"

#include "narthex/service/instance_watch.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

namespace narthex::service {
namespace {

using test::wait_until;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
const HashPart k_hash({});

class InstanceWatchTest : public testing::Test {
  protected:
    // What an uplink would say: that of this machine.
    static void see_clock(InstanceWatch& watch) {
        watch.saw_clock(Clock::now(), std::chrono::system_clock::now());
    }

    test::TestDatabase database_;
    Epochs epochs_;
};

TEST_F(InstanceWatchTest, knows_that_a_primary_is_up_to_date) {
    InstanceWatch watch(epochs_);
    const DatabaseWatch reading({database_.uri(), {&watch}, {}, {}});
    EXPECT_EQ(watch.instance()->role, db::InstanceRole::primary);
    EXPECT_EQ(watch.instance()->epoch, 1);
    EXPECT_TRUE(watch.up_to_date());
    EXPECT_TRUE(watch.serves());
    EXPECT_FALSE(watch.heartbeat_age());
}

TEST_F(InstanceWatchTest, follows_what_the_instance_becomes_and_forgets_answers) {
    InstanceWatch watch(epochs_);
    const DatabaseWatch reading({database_.uri(), {&watch}, {}, {}});
    const auto stamp = epochs_.stamp(k_hash);
    test::execute(
        database_.uri(), "update instance set role = 'joining', kind = 'full', name = 'eu1'"
    );
    wait_until([&] { return !watch.serves(); }, "it is joining");
    EXPECT_FALSE(watch.up_to_date());
    EXPECT_NE(epochs_.stamp(k_hash), stamp);
    test::execute(database_.uri(), "update instance set role = 'region'");
    wait_until([&] { return watch.serves(); }, "it has joined");
    EXPECT_FALSE(watch.up_to_date());
    test::execute(
        database_.uri(), "update instance set role = 'primary', kind = null, name = '', epoch = 2"
    );
    wait_until([&] { return watch.up_to_date(); }, "it was promoted");
    EXPECT_EQ(watch.instance()->epoch, 2);
    test::execute(
        database_.uri(), "update instance set role = 'fenced', epoch = 3, replaced_by = 'eu2'"
    );
    wait_until([&] { return !watch.up_to_date(); }, "it was replaced");
    EXPECT_TRUE(watch.serves());
}

TEST_F(InstanceWatchTest, is_up_to_date_while_heartbeats_are_young) {
    test::become_region(database_.uri());
    InstanceWatch watch(epochs_);
    const DatabaseWatch reading({database_.uri(), {&watch}, {}, {}});
    see_clock(watch);
    EXPECT_FALSE(watch.up_to_date());
    test::apply_heartbeat(database_.uri(), "0 seconds");
    wait_until([&] { return watch.up_to_date(); }, "a heartbeat was applied");
    ASSERT_TRUE(watch.heartbeat_age());
    EXPECT_LT(*watch.heartbeat_age(), 2s);
    // Nothing else comes: it ends by itself.
    const auto begun = Clock::now();
    wait_until([&] { return !watch.up_to_date(); }, "it is old");
    EXPECT_LT(Clock::now() - begun, 3s);
    EXPECT_GE(*watch.heartbeat_age(), 2s);
    test::apply_heartbeat(database_.uri(), "1 hour");
    wait_until([&] { return *watch.heartbeat_age() > 1h; }, "an old heartbeat was applied");
    EXPECT_FALSE(watch.up_to_date());
}

TEST_F(InstanceWatchTest, is_not_up_to_date_without_the_primarys_clock) {
    test::become_region(database_.uri());
    InstanceWatch watch(epochs_);
    const DatabaseWatch reading({database_.uri(), {&watch}, {}, {}});
    test::apply_heartbeat(database_.uri(), "0 seconds");
    wait_until([&] { return watch.heartbeat().has_value(); }, "a heartbeat was applied");
    EXPECT_FALSE(watch.up_to_date());
    see_clock(watch);
    EXPECT_TRUE(watch.up_to_date());
    watch.forget_clock();
    EXPECT_FALSE(watch.up_to_date());
}

TEST_F(InstanceWatchTest, goes_on_after_its_connection_was_lost) {
    InstanceWatch watch(epochs_);
    const DatabaseWatch reading({database_.uri(), {&watch}, {}, {}});
    test::execute(
        database_.uri(),
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    );
    test::execute(database_.uri(), "update instance set epoch = 7");
    wait_until([&] { return watch.instance()->epoch == 7; }, "it reads again");
}

}  // namespace
}  // namespace narthex::service
