// Purging what is hidden: what stays, what goes, and what disks and kills do to it.
#include "collect_fixture.hpp"

#include "narthex/db/purging.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace narthex::service {
namespace {

using namespace test;

class PurgeTest : public CollectTest {
  protected:
    int hide_for_long(const Numbers& paths) {
        const int id = plan(paths);
        EXPECT_EQ(hide(id).value().hidden, paths.size());
        age(id, 62);
        return id;
    }

    void age(int id, int days) {
        run(fmt::format(
            "update plan set hidden_at = now() - interval '{} days' where id = {}", days, id
        ));
    }

    [[nodiscard]] std::string archived() const {
        return ask("select coalesce(string_agg(name, ' ' order by name), '') from purged_narinfo");
    }
};

TEST_F(PurgeTest, waits_for_regions_and_refuses_when_they_lag) {
    const int id = hide_for_long({3, 4});
    run("select pg_create_logical_replication_slot('far', 'pgoutput')");
    run("update tag set value = 'x'; select pg_switch_wal()");
    purge_.region_limit = std::chrono::seconds(0);
    const auto refusal = purge().error().message;
    EXPECT_NE(refusal.find("region far"), std::string::npos) << refusal;
    EXPECT_NE(refusal.find("--force-lagging-region"), std::string::npos) << refusal;
    EXPECT_EQ(archived(), "");
    EXPECT_TRUE(has_file(3));
    // What isn't due waits for nobody.
    age(id, 1);
    EXPECT_TRUE(purge().value().plans.empty());
    age(id, 62);
    std::atomic<bool> ended = false;
    std::thread region([this, &ended] {
        while (!ended) {
            run("select pg_replication_slot_advance('far', pg_current_wal_insert_lsn())");
        }
    });
    purge_.region_limit = std::chrono::seconds(60);
    const auto purged = purge();
    ended = true;
    region.join();
    EXPECT_EQ(purged.value().plans.at(0).narinfos, 2U);
    run("select pg_drop_replication_slot('far')");
}

TEST_F(PurgeTest, refuses_while_a_region_is_cut_off) {
    hide_for_long({3, 4});
    run("insert into region (name, login, kind, invite_until, joined_at) values ('eu1', "
        "'narthex_region_eu1', 'full', now(), now()), ('as1', 'narthex_region_as1', 'full', now(), "
        "null)");
    const auto refusal = purge().error().message;
    EXPECT_NE(refusal.find("region eu1 is cut off"), std::string::npos) << refusal;
    EXPECT_NE(refusal.find("narthex replica remove eu1"), std::string::npos) << refusal;
    EXPECT_EQ(archived(), "");
    purge_.forced_lagging_region = true;
    EXPECT_EQ(purge().value().plans.at(0).narinfos, 2U);
}

TEST_F(PurgeTest, archives_and_unlinks_what_is_due) {
    run("insert into narinfo_line values (1, " + hex(4) + ", 'Sig: later')");
    run("insert into tag values (1, " + hex(4) + ", 'a', 'b')");
    run("insert into companion values (1, 'x.ls', 'listing', " + hex(4) + ", 'x')");
    const int due = hide_for_long({3, 4});
    const int young = plan({6});
    EXPECT_EQ(hide(young).value().hidden, 1U);
    const auto report = purge().value();
    ASSERT_EQ(report.plans.size(), 1U);
    EXPECT_EQ(report.plans[0].plan, due);
    EXPECT_EQ(report.plans[0].narinfos, 2U);
    EXPECT_EQ(report.not_due, std::vector{young});
    EXPECT_EQ(report.unlinked, 2U);
    EXPECT_EQ(archived(), "path-3 path-4");
    EXPECT_EQ(
        ask("select right(text, 11) from purged_narinfo where name = 'path-4'"), "Sig: later\n"
    );
    EXPECT_FALSE(has_file(3));
    EXPECT_FALSE(has_file(4));
    EXPECT_TRUE(has_file(2));
    EXPECT_EQ(
        ask("select format('%s %s %s %s %s %s', (select count(*) from narinfo), (select count(*) "
            "from "
            "graph), (select count(*) from nar), (select count(*) from tag), (select count(*) from "
            "companion), (select count(*) from path))"),
        "4 4 4 0 0 6"
    );
    EXPECT_EQ(state(due), "purged");
    EXPECT_EQ(violations(), "0");
    EXPECT_TRUE(purge().value().plans.empty());
    EXPECT_TRUE(restore(due).has_error());
    EXPECT_EQ(ask("select count(*) from change where kind = 'purged'"), "1");
}

TEST_F(PurgeTest, keeps_nars_that_others_name) {
    auto fields = made_up_fields(7, {1});
    fields.file = made_up_fields(4).file;
    publish({Narinfo::parse(render_nix_narinfo(fields)).value()});
    hide_for_long({4});
    EXPECT_EQ(purge().value().plans.at(0).condemned, 0U);
    EXPECT_TRUE(has_file(4));
    hide_for_long({7});
    EXPECT_EQ(purge().value().plans.at(0).condemned, 1U);
    EXPECT_FALSE(has_file(4));
}

TEST_F(PurgeTest, keeps_files_that_another_cache_has_too) {
    run("insert into cache (name, store_dir) values ('b', '/nix/store');"
        "insert into nar (cache, url, compression) values (2, 'nar/4.nar.xz', 'xz');"
        "insert into nar_location select max(id), 1, 'nar/4.nar.xz' from nar");
    hide_for_long({4});
    EXPECT_EQ(purge().value().unlinked, 0U);
    EXPECT_TRUE(has_file(4));
}

TEST_F(PurgeTest, serves_again_what_is_published_again) {
    hide_for_long({3, 4});
    const auto id = ask("select id from path where hash = " + hex(3));
    EXPECT_EQ(purge().value().plans.at(0).narinfos, 2U);
    publish({made_up(3, {2, 3})});
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 5, 6}));
    EXPECT_EQ(ask("select id from path where hash = " + hex(3)), id);
    EXPECT_EQ(ask("select refs[2] from graph where id = " + id), id);
    EXPECT_EQ(archived(), "path-3 path-4");
}

TEST_F(PurgeTest, goes_on_where_it_was_killed) {
    const int id = hide_for_long({2, 3, 4});
    purge_.rate = 10;  // one path in a transaction
    kill_at("purging", 2);
    EXPECT_THROW(static_cast<void>(purge()), Killed);
    EXPECT_EQ(state(id), "purging");
    EXPECT_EQ(archived(), "path-3 path-4");
    EXPECT_EQ(ask("select count(*) from condemned_nar"), "2");
    EXPECT_TRUE(has_file(4));
    events_.progress = nullptr;
    const auto report = purge().value();
    EXPECT_EQ(report.plans.at(0).narinfos, 1U);
    EXPECT_EQ(report.unlinked, 3U);
    EXPECT_EQ(state(id), "purged");
}

TEST_F(PurgeTest, restores_the_rest_of_what_is_half_purged) {
    const int id = hide_for_long({2, 3, 4});
    purge_.rate = 10;
    kill_at("purging", 2);
    EXPECT_THROW(static_cast<void>(purge()), Killed);
    events_.progress = nullptr;
    EXPECT_EQ(restore(id).value().restored, 1U);
    EXPECT_EQ(served(), (Numbers{1, 2, 5, 6}));
    EXPECT_EQ(violations(), "0");
}

TEST_F(PurgeTest, does_not_restore_what_lacks_something_purged_since) {
    const int id = hide_for_long({2, 3, 4});
    run("insert into purged_narinfo select cache, hash, now(), 0, name, text, nar_hash, nar_size, "
        "first_seen from narinfo where hash = " +
        hex(2) + "; delete from hidden where hash = " + hex(2) +
        "; delete from narinfo where hash = " + hex(2));
    const auto refusal = restore(id).error().message;
    EXPECT_NE(refusal.find(path_hash(2).to_string()), std::string::npos) << refusal;
    EXPECT_EQ(state(id), "hidden");
    const auto four = path_hash(4);
    const auto path = restore_paths(connection_, k_cache, std::span(&four, 1), "test");
    EXPECT_NE(path.error().message.find(path_hash(2).to_string()), std::string::npos);
    EXPECT_EQ(served(), (Numbers{1, 5, 6}));
}

TEST_F(PurgeTest, leaves_what_a_root_wants_by_now) {
    hide_for_long({2, 3, 4});
    run("insert into root (cache, name, kind, item, paths) select 1, 'three', 'pin', 'x', "
        "array[id] "
        "from path where hash = " +
        hex(3));
    const auto report = purge().value();
    EXPECT_EQ(report.plans.at(0).rescued, 2U);
    EXPECT_EQ(report.plans.at(0).narinfos, 1U);
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 5, 6}));
    EXPECT_EQ(violations(), "0");
}

TEST_F(PurgeTest, tells_early_late_and_impossible_times_apart) {
    const int id = plan({4});
    EXPECT_TRUE(purge(id).has_error());  // isn't hidden
    EXPECT_EQ(hide(id).value().hidden, 1U);
    EXPECT_EQ(purge(id).value().not_due, std::vector{id});
    purge_.after = std::chrono::seconds(0);
    EXPECT_NE(purge().error().message.find("--force-early"), std::string::npos);
    age(id, -1);
    EXPECT_NE(purge().error().message.find("clock"), std::string::npos);
    age(id, 0);
    purge_.forced_early = true;
    EXPECT_EQ(purge().value().plans.at(0).narinfos, 1U);
}

TEST_F(PurgeTest, goes_by_the_order_of_hiding) {
    const int first = hide_for_long({4});
    const int second = hide_for_long({3});
    age(first, 70);
    const auto refusal = purge(second).error().message;
    EXPECT_NE(refusal.find(fmt::format("plan {} was hidden before", first)), std::string::npos);
    const auto report = purge().value();
    ASSERT_EQ(report.plans.size(), 2U);
    EXPECT_EQ(report.plans[0].plan, first);
}

TEST_F(PurgeTest, keeps_files_condemned_that_cannot_be_unlinked) {
    hide_for_long({3, 4});
    // A directory of that name refuses, whoever asks.
    const auto file = nars_.path() / made_up(4).files()[0].url;
    std::filesystem::remove(file);
    std::filesystem::create_directory(file);
    const auto report = purge().value();
    EXPECT_EQ(report.unlinked, 1U);
    EXPECT_EQ(report.failed, 1U);
    ASSERT_EQ(report.failures.size(), 1U);
    EXPECT_NE(report.failures[0].find(file.string()), std::string::npos);
    EXPECT_EQ(ask("select path from condemned_nar"), "nar/4.nar.xz");
    std::filesystem::remove(file);
    EXPECT_EQ(purge().value().unlinked, 1U);
    EXPECT_EQ(ask("select count(*) from condemned_nar"), "0");
}

TEST_F(PurgeTest, follows_no_links_out_of_the_directory) {
    const TempDir elsewhere;
    elsewhere.write("precious", "x");
    std::filesystem::create_directory_symlink(elsewhere.path(), nars_.path() / "link");
    const auto site = "(select id from site where kind = 'file')";
    run(fmt::format("insert into condemned_nar values ({}, 'link/precious')", site));
    run(fmt::format(
        "insert into condemned_nar values ({}, '../{}/precious')",
        site,
        elsewhere.path().filename().string()
    ));
    const auto report = purge().value();
    EXPECT_EQ(report.failed, 2U);
    EXPECT_EQ(report.unlinked, 0U);
    EXPECT_TRUE(std::filesystem::exists(elsewhere.path() / "precious"));
}

TEST_F(PurgeTest, spares_a_condemned_file_in_which_a_nar_has_come_to_be) {
    hide_for_long({4});
    kill_at("purging");
    EXPECT_THROW(static_cast<void>(purge()), Killed);
    events_.progress = nullptr;
    publish({made_up(4, {3, 4})});
    EXPECT_EQ(purge().value().unlinked, 0U);
    EXPECT_TRUE(has_file(4));
    EXPECT_EQ(served(), (Numbers{1, 2, 3, 4, 5, 6}));
}

TEST_F(PurgeTest, notes_nars_elsewhere_by_their_keys) {
    run("update site set kind = 's3', base = 's3://bucket' where kind = 'file';"
        "delete from nar_location where path = 'nar/3.nar.xz'");
    const int id = hide_for_long({3, 4});
    EXPECT_EQ(purge().value().plans.at(0).elsewhere, 2U);
    std::vector<std::string> keys;
    const auto list = [&] {
        keys.clear();
        connection_.read([&](db::Tx& tx) {
            for (const auto& each : db::list_purged_keys(tx, k_cache, id, 0, 10)) {
                keys.push_back(each.key);
            }
        });
        std::ranges::sort(keys);
    };
    list();
    EXPECT_EQ(keys, (std::vector<std::string>{"nar/3.nar.xz", "s3://bucket/nar/4.nar.xz"}));
    run("insert into nar (cache, url) values (1, 'nar/3.nar.xz')");
    list();
    EXPECT_EQ(keys, (std::vector<std::string>{"s3://bucket/nar/4.nar.xz"}));
}

TEST_F(PurgeTest, removes_logs_when_their_last_output_goes) {
    const auto with_deriver = [](int number, int deriver) {
        auto fields = made_up_fields(number, {1});
        fields.deriver = path_name(deriver).to_string() + ".drv";
        return Narinfo::parse(render_nix_narinfo(fields)).value();
    };
    publish({with_deriver(7, 90), with_deriver(8, 90), with_deriver(9, 91)});
    for (const int deriver : {90, 91, 92}) {
        run(fmt::format(
            "insert into companion values (1, 'log/{}.drv', 'log', null, 'x')",
            path_name(deriver).to_string()
        ));
    }
    hide_for_long({7, 9});
    EXPECT_EQ(purge().value().plans.at(0).logs, 1U);
    EXPECT_EQ(ask("select count(*) from companion"), "2");
    hide_for_long({8});
    EXPECT_EQ(purge().value().plans.at(0).logs, 1U);
}

}  // namespace
}  // namespace narthex::service
