// Hiding and restoring plans, step by step, while others publish, lease and root.
#include "collect_fixture.hpp"

namespace narthex::service {
namespace {

using namespace test;

const std::string k_objection = R"([{"name": "no-roots", "message": "no root counted"}])";

TEST_F(CollectTest, hides_a_plan_at_once_and_restores_it) {
    const int id = plan({3, 4});
    const auto hidden = hide(id).value();
    EXPECT_EQ(hidden.hidden, 2U);
    EXPECT_EQ(hidden.rescued, 0U);
    EXPECT_EQ(served(), (Numbers{1, 2, 5, 6}));
    EXPECT_EQ(state(id), "hidden");
    EXPECT_EQ(ask("select kind || batch from change order by id desc limit 1"), "hidden1");
    const auto again = hide(id).value();
    EXPECT_TRUE(again.hidden_already);
    EXPECT_EQ(again.hidden, 2U);
    EXPECT_EQ(restore(id).value().restored, 2U);
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(state(id), "restored");
    EXPECT_TRUE(restore(id).value().served_already);
    EXPECT_EQ(hide(id).value().hidden, 2U);
    EXPECT_EQ(served(), (Numbers{1, 2, 5, 6}));
    EXPECT_EQ(
        ask("select string_agg(who || ' ' || action || ' ' || subject, ', ' order by id) from audit"
        ),
        "test gc hide plan 1, test gc restore plan 1, test gc hide plan 1"
    );
}

TEST_F(CollectTest, refuses_what_looks_like_a_mistake) {
    const int id = plan({4}, k_objection);
    EXPECT_NE(hide(id).error().message.find("--force-no-roots"), std::string::npos);
    run("update plan set created_at = now() - interval '8 days'");
    EXPECT_NE(hide(id, {"no-roots"}).error().message.find("--force-old-plan"), std::string::npos);
    EXPECT_EQ(ask("select count(*) from hidden"), "0");
    EXPECT_EQ(state(id), "planned");
    EXPECT_EQ(hide(id, {"no-roots", "old-plan"}).value().hidden, 1U);
    EXPECT_NE(hide(99).error().message.find("no plan 99"), std::string::npos);
}

TEST_F(CollectTest, goes_on_where_it_was_killed) {
    for (const std::string phase :
         {"writing", "announcing", "waiting for publishers", "looking for what is wanted"}) {
        const int id = plan({3, 4});
        kill_at(phase);
        EXPECT_THROW(static_cast<void>(hide(id)), Killed) << phase;
        EXPECT_EQ(state(id), "hiding");
        EXPECT_EQ(served(), (Numbers{1, 2, 3, 4, 5, 6}));
        events_.progress = nullptr;
        EXPECT_EQ(hide(id).value().hidden, 2U) << phase;
        EXPECT_EQ(served(), (Numbers{1, 2, 5, 6}));
        EXPECT_EQ(restore(id).value().restored, 2U);
    }
}

TEST_F(CollectTest, gives_up_what_was_half_written) {
    const int id = plan({3, 4});
    kill_at("writing");
    EXPECT_THROW(static_cast<void>(hide(id)), Killed);
    kill_at("forgetting");
    EXPECT_THROW(static_cast<void>(restore(id)), Killed);
    events_.progress = nullptr;
    EXPECT_FALSE(restore(id).value().served_already);
    EXPECT_EQ(ask("select count(*) from hidden"), "0");
    EXPECT_EQ(state(id), "restored");
}

TEST_F(CollectTest, keeps_collectors_apart) {
    const int id = plan({3, 4});
    std::string refusal;
    at("writing", [&] {
        db::Connection other(database_.uri(), db::Session::publishing);
        refusal = restore_plan(other, connection_, id, "other", {}).error().message;
    });
    EXPECT_EQ(hide(id).value().hidden, 2U);
    EXPECT_NE(refusal.find("narthex gc hide of user"), std::string::npos) << refusal;
    EXPECT_EQ(served(), (Numbers{1, 2, 5, 6}));
}

TEST_F(CollectTest, stops_when_told_so_and_hides_nothing) {
    const int id = plan({3, 4});
    std::atomic<bool> stop = false;
    events_.stop = &stop;
    at("writing", [&] { stop = true; });
    EXPECT_TRUE(hide(id).value().interrupted);
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 4, 5, 6}));
    stop = false;
    EXPECT_EQ(hide(id).value().hidden, 2U);
}

TEST_F(CollectTest, announces_all_of_a_batch_before_it_takes_effect) {
    const int id = plan({3, 4});
    const std::string announced = "select announced || ' ' || active from hide_batch";
    const auto half = [this, &announced] { EXPECT_EQ(ask(announced), "32 false"); };
    at("announcing", half);
    EXPECT_EQ(hide(id).value().hidden, 2U);
    EXPECT_EQ(ask(announced), "4096 true");
    EXPECT_TRUE(restore(id).has_value());
    EXPECT_EQ(ask(announced), "4096 false");
    // Again, since more rows may be written.
    at("announcing", half);
    EXPECT_EQ(hide(id).value().hidden, 2U);
}

// --- what becomes wanted since the plan was made ---

TEST_F(CollectTest, leaves_what_was_published_since_the_plan) {
    const int id = plan({2, 3, 4});
    publish({made_up(7, {3})});
    const auto report = hide(id).value();
    EXPECT_EQ(report.hidden, 1U);
    EXPECT_EQ(report.rescued, 2U);
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 5, 6, 7}));
    EXPECT_EQ(violations(), "0");
}

TEST_F(CollectTest, leaves_what_is_published_while_rows_are_written) {
    for (const std::string phase :
         {"writing", "announcing", "waiting for publishers", "looking for what is wanted"}) {
        const int id = plan({2, 3, 4});
        at(phase, [&] { publish({made_up(7, {3})}); });
        EXPECT_EQ(hide(id).value().hidden, 1U) << phase;
        EXPECT_EQ(served(), (Numbers{1, 2, 3, 5, 6, 7})) << phase;
        EXPECT_EQ(violations(), "0");
        EXPECT_TRUE(restore(id).has_value());
        run("delete from graph where id = (select id from path where hash = " + hex(7) +
            "); delete from narinfo where hash = " + hex(7));
    }
}

TEST_F(CollectTest, leaves_what_is_leased_rooted_or_asked_for) {
    const int id = plan({2, 3, 4, 5, 6});
    lease(2);
    run("insert into root (cache, name, kind, item, paths) select 1, 'five', 'pin', 'x', array[id] "
        "from path where hash = " +
        hex(5));
    run("insert into request_count values (1, " + hex(3) + ", current_date, '', 1, 0)");
    EXPECT_EQ(hide(id).value().hidden, 2U);
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 5}));
    EXPECT_EQ(violations(), "0");
}

TEST_F(CollectTest, leaves_what_a_pattern_root_names) {
    const int id = plan({4, 6});
    run("insert into root (cache, name, kind, item) values (1, 'p', 'pattern', '*-6')");
    EXPECT_EQ(hide(id).value().hidden, 1U);
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 5, 6}));
}

// Wanted while half of the rows were written, and not any more: what it needs mustn't go without
// it.
TEST_F(CollectTest, leaves_whole_closures_of_what_was_wanted_for_a_while) {
    const int id = plan({1, 2, 3, 4, 5, 6});
    kill_at("writing");
    EXPECT_THROW(static_cast<void>(hide(id)), Killed);
    run("delete from hidden where hash = " + hex(3));
    run("update plan set state = 'hiding'");
    at("waiting for publishers", [&] { run("delete from hidden where hash = " + hex(3)); });
    EXPECT_EQ(hide(id).value().hidden, 3U);
    EXPECT_EQ(served(), (Numbers{1, 2, 3}));
    EXPECT_EQ(violations(), "0");
}

TEST_F(CollectTest, does_not_hide_what_a_restored_plan_needs) {
    const int first = plan({4});
    EXPECT_EQ(hide(first).value().hidden, 1U);
    const int second = plan({2, 3});
    EXPECT_EQ(restore(first).value().restored, 1U);
    EXPECT_EQ(hide(second).value().hidden, 0U);
    EXPECT_EQ(violations(), "0");
}

TEST_F(CollectTest, restores_with_what_later_plans_hide) {
    const int first = plan({4});
    EXPECT_EQ(hide(first).value().hidden, 1U);
    const int second = plan({2, 3});
    EXPECT_EQ(hide(second).value().hidden, 2U);
    EXPECT_EQ(restore(first).value().restored, 1U);
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(violations(), "0");
}

TEST_F(CollectTest, restores_paths_with_what_they_need) {
    EXPECT_EQ(hide(plan({2, 3, 4})).value().hidden, 3U);
    const auto three = path_hash(3);
    const auto paths = std::span(&three, 1);
    EXPECT_EQ(restore_paths(connection_, k_cache, paths, "test").value().restored, 2U);
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 5, 6}));
    EXPECT_TRUE(restore_paths(connection_, k_cache, paths, "test").value().served_already);
    const auto absent = path_hash(99);
    EXPECT_TRUE(restore_paths(connection_, k_cache, std::span(&absent, 1), "test").has_error());
}

// --- regions ---

TEST_F(CollectTest, waits_for_regions_and_refuses_when_they_lag) {
    const int id = plan({3, 4});
    run("select pg_create_logical_replication_slot('far', 'pgoutput')");
    const auto refusal = hide(id).error().message;
    EXPECT_NE(refusal.find("region far"), std::string::npos) << refusal;
    EXPECT_NE(refusal.find("--force-lagging-region"), std::string::npos);
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(hide(id, {"lagging-region"}).value().hidden, 2U);
    run("select pg_drop_replication_slot('far')");
}

}  // namespace
}  // namespace narthex::service
