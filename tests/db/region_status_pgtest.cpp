#include "support/region_database.hpp"

#include "narthex/db/heartbeats.hpp"
#include "narthex/db/region_status.hpp"
#include "narthex/db/regions.hpp"
#include "narthex/db/subscription.hpp"
#include "narthex/db/subscription_state.hpp"

#include <gtest/gtest.h>

namespace narthex::db {
namespace {

class RegionStatusTest : public testing::Test {
  protected:
    ~RegionStatusTest() override {
        // They outlive their database, and then nobody can drop it.
        test::execute(
            database_.uri(),
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
            " where database = current_database()"
        );
    }

    std::vector<RegionStatus> regions() {
        std::vector<RegionStatus> all;
        connection_.read([&](Tx& tx) { all = list_region_status(tx); });
        return all;
    }
    std::optional<Heartbeat> beat() {
        std::optional<Heartbeat> heartbeat;
        connection_.write([](Tx& tx) { write_heartbeat(tx); });
        connection_.read([&](Tx& tx) { heartbeat = read_heartbeat(tx); });
        return heartbeat;
    }

    test::TestDatabase database_;
    Connection connection_{database_.uri(), Session::work};
};

TEST_F(RegionStatusTest, tells_of_reports_and_slots) {
    test::execute(
        database_.uri(),
        "insert into region (name, login, invite_until) values"
        " ('eu1', 'narthex_region_eu1', now()), ('eu2', 'narthex_region_eu2', to_timestamp(5));"
        " insert into region_report values"
        " ('eu1', to_timestamp(100), 3, 8, now() - interval '5 seconds', pg_current_xact_id(), 7, "
        "'x')"
    );
    test::execute(
        database_.uri(),
        "select pg_create_logical_replication_slot('narthex_region_eu1', 'pgoutput')"
    );
    const auto all = regions();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].name, "eu1");
    EXPECT_FALSE(all[0].joined_at);
    ASSERT_TRUE(all[0].report);
    EXPECT_EQ(all[0].report->at, 100);
    EXPECT_EQ(all[0].report->errors, 7);
    EXPECT_EQ(all[0].report->trouble, "x");
    EXPECT_GE(all[0].report->seconds_behind, 5.0);
    EXPECT_LT(all[0].report->seconds_behind, 60.0);
    EXPECT_LT(all[0].report->transactions_behind, 1000);
    ASSERT_TRUE(all[0].slot);
    EXPECT_FALSE(all[0].slot->active);
    EXPECT_EQ(all[0].slot->wal_status, "reserved");
    EXPECT_GT(all[0].slot->held_bytes, 0);
    EXPECT_EQ(all[1].invite_until, 5);
    EXPECT_FALSE(all[1].report);
    EXPECT_FALSE(all[1].slot);

    bool dropped = false;
    connection_.write([&](Tx& tx) { dropped = drop_idle_slot(tx, "narthex_region_eu1"); });
    EXPECT_TRUE(dropped);
    connection_.write([&](Tx& tx) { dropped = drop_idle_slot(tx, "narthex_region_eu1"); });
    EXPECT_FALSE(dropped);
    EXPECT_FALSE(regions()[0].slot);
}

TEST_F(RegionStatusTest, heartbeats_are_for_regions_that_have_joined) {
    EXPECT_FALSE(beat());
    test::execute(
        database_.uri(), "insert into region (name, login, invite_until) values ('eu1', 'x', now())"
    );
    EXPECT_FALSE(beat());
    test::execute(database_.uri(), "update region set joined_at = now()");
    const auto first = beat();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->epoch, 1);
    EXPECT_GE(first->schema_version, 8);
    EXPECT_LT(
        std::chrono::abs(std::chrono::system_clock::now() - first->at), std::chrono::seconds(10)
    );
    // Another server's is enough.
    EXPECT_EQ(beat()->xid, first->xid);
    test::execute(database_.uri(), "update heartbeat set at = at - interval '1 second'");
    EXPECT_GT(beat()->xid, first->xid);
    test::execute(database_.uri(), "update heartbeat set at = at + interval '1 hour'");
    EXPECT_LT(beat()->at, std::chrono::system_clock::now() + std::chrono::minutes(1));
    test::execute(database_.uri(), "update region set left_at = now()");
    test::execute(database_.uri(), "delete from heartbeat");
    EXPECT_FALSE(beat());
}

TEST_F(RegionStatusTest, a_heartbeats_second_is_not_after_it) {
    std::optional<std::int64_t> at;
    test::execute(
        database_.uri(), "insert into heartbeat values (true, to_timestamp(100.9), '1', 1, 8)"
    );
    connection_.read([&](Tx& tx) { at = heartbeat_time(tx); });
    EXPECT_EQ(at, 100);
}

// What `replica status` says: by now, not when the region last said something.
TEST_F(RegionStatusTest, what_a_silent_region_has_grows_older) {
    test::execute(
        database_.uri(),
        "insert into region (name, login, invite_until) values ('eu1', 'x', now());"
        " insert into region_report values ('eu1', now() - interval '90 s', 1, 8,"
        " now() - interval '91 s', '1', 0, '')"
    );
    std::vector<ListedRegion> listed;
    connection_.read([&](Tx& tx) { listed = list_regions(tx); });
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_GE(listed[0].behind_seconds.value(), 91.0);
    EXPECT_GE(listed[0].reported_ago.value(), 90.0);
}

TEST_F(RegionStatusTest, is_fenced_by_a_higher_epoch_alone) {
    bool fenced = true;
    connection_.write([&](Tx& tx) { fenced = fence(tx, 1, "http://eu1"); });
    EXPECT_FALSE(fenced);
    connection_.write([&](Tx& tx) { fenced = fence(tx, 2, "http://eu1"); });
    EXPECT_TRUE(fenced);
    EXPECT_THROW(connection_.write([](Tx& tx) { write_heartbeat(tx); }), NotPrimary);
    EXPECT_EQ(
        test::query(
            database_.uri(), "select concat_ws(' ', role, epoch, replaced_by) from instance"
        ),
        "fenced 2 http://eu1"
    );
    connection_.write([&](Tx& tx) { fenced = fence(tx, 3, "http://eu2"); });
    EXPECT_FALSE(fenced);
}

TEST_F(RegionStatusTest, a_subscription_says_how_it_is) {
    std::optional<SubscriptionState> state;
    connection_.read([&](Tx& tx) { state = subscription_state(tx); });
    EXPECT_FALSE(state);
    test::execute(
        database_.uri(),
        "create subscription narthex connection 'dbname=nowhere' publication p"
        " with (connect = false, slot_name = none)"
    );
    connection_.read([&](Tx& tx) { state = subscription_state(tx); });
    test::execute(database_.uri(), "drop subscription narthex");
    ASSERT_TRUE(state);
    EXPECT_FALSE(state->enabled);
    EXPECT_FALSE(state->applying);
    EXPECT_EQ(state->errors, 0);
    EXPECT_EQ(state->not_ready, 0U);
}

}  // namespace
}  // namespace narthex::db
