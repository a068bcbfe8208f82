#include "support/region_database.hpp"
#include "support/silent_listener.hpp"
#include "support/wait_until.hpp"

#include "narthex/service/primary_duties.hpp"
#include "narthex/service/slot_policy.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

namespace narthex::service {
namespace {

using test::wait_until;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
constexpr std::int64_t k_hour = 3600;

class PrimaryDutiesTest : public testing::Test {
  protected:
    ~PrimaryDutiesTest() override {
        test::execute(
            database_.uri(),
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
            " where database = current_database()"
        );
    }
    [[nodiscard]] std::string beats() const {
        return test::query(database_.uri(), "select coalesce(max(xid::text), '') from heartbeat");
    }
    // A region and its slot.
    void add_region(const std::string& name, const std::string& joined) const {
        test::execute(
            database_.uri(),
            "insert into region (name, login, invite_until, joined_at) values ('" + name +
                "', 'narthex_region_" + name + "', now(), " + joined + ")"
        );
        test::execute(
            database_.uri(),
            "select pg_create_logical_replication_slot('narthex_region_" + name + "', 'pgoutput')"
        );
    }
    [[nodiscard]] std::string slots() const {
        return test::query(
            database_.uri(),
            "select coalesce(string_agg(slot_name, ' ' order by slot_name), '')"
            " from pg_replication_slots where database = current_database()"
        );
    }
    void apply(SlotPolicy& policy) {
        db::Connection connection(database_.uri(), db::Session::work);
        std::vector<db::RegionStatus> regions;
        connection.read([&](db::Tx& tx) { regions = db::list_region_status(tx); });
        policy.apply(connection, regions, Clock::now(), now_);
    }

    test::TestDatabase database_;
    Epochs epochs_;
    std::int64_t now_ = std::chrono::duration_cast<std::chrono::seconds>(
                            std::chrono::system_clock::now().time_since_epoch()
    )
                            .count();
};

TEST_F(PrimaryDutiesTest, beats_while_there_are_regions) {
    InstanceWatch watch(epochs_);
    const DatabaseWatch reading({database_.uri(), {&watch}, {}, {}});
    const PrimaryDuties duties({database_.uri(), "test"}, watch);
    EXPECT_TRUE(duties.may_write());
    EXPECT_EQ(beats(), "");
    test::add_region(database_.uri(), "eu1");
    wait_until([&] { return !beats().empty(); }, "it beats");
    const auto first = beats();
    wait_until([&] { return beats() != first; }, "it beats again");
    test::execute(
        database_.uri(),
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    );
    const auto before = beats();
    wait_until([&] { return beats() != before; }, "it beats on");
    wait_until([&] { return duties.regions().size() == 1; }, "it knows its region");
    // It isn't the primary any more.
    test::execute(
        database_.uri(), "update instance set role = 'fenced', epoch = 2, replaced_by = 'x'"
    );
    wait_until([&] { return duties.regions().empty(); }, "it has none");
    const auto last = beats();
    std::this_thread::sleep_for(700ms);
    EXPECT_EQ(beats(), last);
}

TEST_F(PrimaryDutiesTest, waits_for_regions_that_cannot_be_reached_but_not_for_ever) {
    test::add_region(database_.uri(), "eu1");
    const test::SilentListener silent;
    test::execute(
        database_.uri(), "update region set url = 'http://127.0.0.1:" + silent.port() + "/'"
    );
    InstanceWatch watch(epochs_);
    const DatabaseWatch reading({database_.uri(), {&watch}, {}, {}});
    const auto begun = Clock::now();
    const PrimaryDuties duties({database_.uri(), "test"}, watch);
    EXPECT_FALSE(duties.may_write());
    wait_until([&] { return duties.may_write(); }, "it may write");
    EXPECT_LT(Clock::now() - begun, 6s);
    wait_until([&] { return duties.silent_regions() == 1; }, "it says who is silent");
}

TEST(EpochOf, reads_what_instances_say) {
    EXPECT_EQ(epoch_of(R"({"role":"region","epoch":3,"name":"eu1","kind":"full"})"), 3);
    EXPECT_FALSE(epoch_of(R"({"epoch":"3"})"));
    EXPECT_FALSE(epoch_of(R"({"epoch":3.5})"));
    EXPECT_FALSE(epoch_of(R"([3])"));
    EXPECT_FALSE(epoch_of("<html>"));
    EXPECT_FALSE(epoch_of(""));
}

TEST_F(PrimaryDutiesTest, drops_the_slots_of_those_that_do_not_come) {
    add_region("gone", "now() - interval '100 hours'");
    add_region("new", "now()");
    add_region("silent", "now() - interval '100 hours'");
    test::execute(
        database_.uri(),
        "insert into region_report values"
        " ('silent', now() - interval '1 hour', 1, 8, null, null, 0, '')"
    );
    SlotPolicy patient(std::chrono::hours(72));
    apply(patient);
    EXPECT_EQ(slots(), "narthex_region_gone narthex_region_new narthex_region_silent");
    SlotPolicy policy(std::chrono::hours(72), 0s);
    apply(policy);
    EXPECT_EQ(slots(), "narthex_region_new narthex_region_silent");
    now_ += 71 * k_hour + 60;
    apply(policy);
    EXPECT_EQ(slots(), "narthex_region_new");
    EXPECT_EQ(
        test::query(
            database_.uri(),
            "select string_agg(subject || ' ' || action, ', ' order by subject) from audit"
        ),
        "gone region drop-slot, silent region drop-slot"
    );
    // What isn't a region's is nobody's business here.
    test::execute(
        database_.uri(), "select pg_create_logical_replication_slot('other', 'pgoutput')"
    );
    now_ += 1000 * k_hour;
    apply(policy);
    EXPECT_EQ(slots(), "other");
}

}  // namespace
}  // namespace narthex::service
