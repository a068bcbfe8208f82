// Plans against an oracle that walks the same random graphs in memory, and what is stored of them.
#include "graphs_fixture.hpp"

#include "narthex/db/caches.hpp"
#include "narthex/db/plans.hpp"
#include "narthex/service/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <map>

namespace narthex::service {
namespace {

using test::RandomGraphs;

using Planned = std::map<int, int>;  // path id to reason

// What is known of each path beside the graph.
struct World {
    std::set<int> content_addressed, young, requested, leased, protected_by_name, hidden, restored;
    std::set<int> rooted, released;

    explicit World(RandomGraphs& graphs) {
        for (auto* each :
             {&content_addressed, &young, &requested, &leased, &protected_by_name, &rooted}) {
            *each = pick(graphs, 60);
        }
        hidden = pick(graphs, 10);
        restored = pick(graphs, 20);
        released = pick(graphs, 15);
    }

    static std::set<int> pick(RandomGraphs& graphs, int in) {
        const auto ids = graphs.pick(in);
        return {ids.begin(), ids.end()};
    }
};

KeepPolicy keep_nothing() {
    return {false, false, 0, 0};
}

class Plans : public GraphsTest {
  protected:
    static constexpr int k_caches = 4;

    Plans() {
        for (int i = 2; i <= k_caches; ++i) {
            test::execute(
                database_.uri(),
                fmt::format("insert into cache (name, store_dir) values ('c{}', '/nix/store')", i)
            );
        }
        connection_.read([this](db::Tx& tx) { caches_ = db::list_caches(tx); });
    }

    PlanOptions options(int cache, KeepPolicy keep = keep_nothing()) {
        PlanOptions options;
        const auto at = std::ranges::find(caches_, cache, &Cache::id);
        options.cache = *at;
        options.created_by = "tester";
        options.keep = keep;
        options.now = std::time(nullptr);
        return options;
    }

    [[nodiscard]] std::string ask(const std::string& statement) const {
        return test::query(database_.uri(), statement);
    }

    void execute(const std::string& statements) const {
        test::execute(database_.uri(), statements);
    }

    [[nodiscard]] Planned stored(int plan) {
        Planned planned;
        connection_.read([&](db::Tx& tx) {
            for (const auto& row : tx.transaction.exec(
                     "select path, reason from plan_path where plan = " + std::to_string(plan)
                 )) {
                planned.emplace(row[0].as<int>(), row[1].as<int>());
            }
        });
        return planned;
    }

    // Paths 1 to `last` of the default cache, each with a NAR of 100 bytes and a file of 10, all a
    // hundred days old, path n referring to n - 1.
    void store_chain(int last) {
        execute(fmt::format(
            "insert into path select n, 1, substring(sha256(int4send(n)) for 20)"
            " from generate_series(1, {0}) n;"
            "insert into graph select n, case when n = 1 then '{{}}' else array[n - 1] end"
            " from generate_series(1, {0}) n;"
            "insert into narinfo (cache, hash, name, text, nar_hash, nar_size, first_seen)"
            " select 1, hash, 'tool-' || id || '.0', 'x', sha256(''), 100, now() - interval '100 d'"
            " from path;"
            "insert into nar (id, cache, url, compression, file_size)"
            " overriding system value select id, 1, 'nar/' || id, 'xz', 10 from path;"
            "insert into narinfo_nar select 1, hash, id from path",
            last
        ));
    }

    void add_root(const std::string& name, const std::string& paths, const char* expires = "null") {
        execute(fmt::format(
            "insert into root (cache, name, kind, paths, expires_at)"
            " values (1, '{}', 'list', '{{{}}}', {})",
            name,
            paths,
            expires
        ));
    }

    std::vector<Cache> caches_;
};

class RandomPlans : public Plans {
  protected:
    static int cache_of(const RandomGraphs& graphs, int id) {
        return 1 + graphs.graph_of(id) % k_caches;
    }

    // Each path's narinfo names a NAR of its own; every seventh also the next one's.
    static bool shares_next(const RandomGraphs& graphs, int id) {
        return id % 7 == 0 && id < graphs.last() &&
               graphs.graph_of(id) == graphs.graph_of(id + 1) && graphs.node(id).has_narinfo &&
               graphs.node(id + 1).has_narinfo;
    }

    void store(const RandomGraphs& graphs, const World& world) {
        execute(
            "alter table narinfo disable trigger changed; alter table nar disable trigger changed"
        );
        store_graphs(graphs, [&](int id) { return cache_of(graphs, id); });
        store_sets(graphs, world);
        execute(
            "insert into narinfo (cache, hash, name, text, nar_hash, nar_size, ca, first_seen)"
            " select p.cache, p.hash,"
            "  case when exists (select from world where kind = 'name' and id = p.id)"
            "   then 'keep-me-' else 'x-' end || p.id,"
            "  'x', sha256(''), p.id,"
            "  case when exists (select from world where kind = 'ca' and id = p.id)"
            "   then 'text:sha256:x' end,"
            "  now() - case when exists (select from world where kind = 'young' and id = p.id)"
            "   then interval '1 d' else interval '100 d' end"
            " from graph g join path p using (id);"
            "insert into nar (id, cache, url, compression, file_size) overriding system value"
            " select p.id, p.cache, 'nar/' || p.id, 'xz', p.id from graph g join path p using (id);"
            "insert into narinfo_nar select p.cache, p.hash, p.id from graph g join path p using "
            "(id);"
            "insert into narinfo_nar select p.cache, p.hash, p.id + 1"
            " from world w join path p using (id) where w.kind = 'shares';"
            "insert into hide_batch (active, reason) values (true, ''), (false, '');"
            "insert into hidden select p.cache, p.hash, case w.kind when 'hidden' then 1 else 2 end"
            " from world w join path p using (id) where w.kind in ('hidden', 'restored');"
            "insert into lease select p.cache, p.hash, now() + interval '1 h'"
            " from world w join path p using (id) where w.kind = 'leased';"
            "insert into lease select p.cache, p.hash, now() - interval '1 s'"
            " from path p where id % 31 = 0 on conflict do nothing;"
            "insert into request_count (cache, hash, day, served) select p.cache, p.hash,"
            " current_date - 5, 1 from world w join path p using (id) where w.kind = 'requested';"
            "insert into request_count (cache, hash, day, served) select p.cache, p.hash,"
            " current_date - 50, 1 from path p where id % 37 = 0;"
            "insert into root (cache, name, kind, paths) select p.cache, 'r' || p.id, 'list',"
            " array[p.id] from world w join path p using (id) where w.kind = 'rooted';"
            "insert into root (cache, name, kind, paths, expires_at)"
            " select p.cache, 'old' || p.id, 'list', array[p.id], now() - interval '1 h'"
            " from world w join path p using (id) where w.kind = 'released';"
            "insert into root (cache, name, kind, item)"
            " select id, 'names', 'pattern', 'keep-me-*' from cache; analyze"
        );
    }

    void store_sets(const RandomGraphs& graphs, const World& world) {
        execute("create table world (kind text, id int, primary key (kind, id))");
        std::set<int> shares;
        for (int id = 1; id <= graphs.last(); ++id) {
            if (shares_next(graphs, id)) shares.insert(id);
        }
        connection_.write([&](db::Tx& tx) {
            auto out = db::copy_into(tx, "world", std::array<std::string, 2>{"kind", "id"});
            const auto add = [&](const std::string& kind, const std::set<int>& ids) {
                for (const int id : ids) out << std::make_tuple(kind, id);
            };
            add("ca", world.content_addressed);
            add("young", world.young);
            add("requested", world.requested);
            add("leased", world.leased);
            add("name", world.protected_by_name);
            add("hidden", world.hidden);
            add("restored", world.restored);
            add("rooted", world.rooted);
            add("released", world.released);
            add("shares", shares);
            out.complete();
        });
    }

    static bool refers_to_nothing(const RandomGraphs& graphs, int id) {
        return std::ranges::all_of(graphs.node(id).references, [&](int each) {
            return each == id;
        });
    }

    // Why a path is a seed, in a cache of this policy.
    static bool is_seed(
        const RandomGraphs& graphs, const World& world, const KeepPolicy& keep, int id
    ) {
        if (world.rooted.contains(id) || world.leased.contains(id)) return true;
        if (keep.requested_within > 0 && world.requested.contains(id)) return true;
        if (!graphs.node(id).has_narinfo) return false;
        return world.protected_by_name.contains(id) ||
               (keep.reference_free && refers_to_nothing(graphs, id)) ||
               (keep.content_addressed && world.content_addressed.contains(id)) ||
               (keep.min_age > 0 && world.young.contains(id));
    }

    static Planned expected(
        const RandomGraphs& graphs, const World& world, const KeepPolicy& keep, int cache
    ) {
        std::vector<int> seeds;
        std::vector<int> released;
        for (int id = 1; id <= graphs.last(); ++id) {
            if (cache_of(graphs, id) != cache) continue;
            if (is_seed(graphs, world, keep, id)) seeds.push_back(id);
            if (world.released.contains(id)) released.push_back(id);
        }
        const auto live = graphs.reached(seeds);
        const auto once = graphs.reached(released);
        Planned planned;
        for (int id = 1; id <= graphs.last(); ++id) {
            if (cache_of(graphs, id) != cache || !graphs.node(id).has_narinfo) continue;
            if (live.contains(id) || world.hidden.contains(id)) continue;
            planned.emplace(id, once.contains(id) ? 1 : 0);
        }
        return planned;
    }

    static std::uint64_t freed(const RandomGraphs& graphs, const Planned& planned) {
        std::uint64_t bytes = 0;
        for (const auto& [id, reason] : planned) {
            const bool shared = id > 1 && shares_next(graphs, id - 1);
            if (!shared || planned.contains(id - 1)) bytes += static_cast<std::uint64_t>(id);
        }
        return bytes;
    }

    void expect_plans(
        const RandomGraphs& graphs, const World& world, const KeepPolicy& keep, int cache
    ) {
        const auto wanted = expected(graphs, world, keep, cache);
        for (const auto engine : {Engine::sql, Engine::stream}) {
            auto asked = options(cache, keep);
            asked.engine = engine;
            const auto report = make_plan(database_.uri(), asked, {});
            const auto got = stored(report.plan);
            Planned odd;
            std::ranges::set_symmetric_difference(got, wanted, std::inserter(odd, odd.end()));
            EXPECT_EQ(odd, Planned{}) << to_string(engine) << ", cache " << cache;
            EXPECT_EQ(report.engine, engine);
            EXPECT_EQ(report.summary.planned.paths, wanted.size());
            EXPECT_EQ(report.summary.file_size, freed(graphs, wanted));
            expect_counts(report.summary, wanted);
        }
    }

    static void expect_counts(const PlanSummary& summary, const Planned& wanted) {
        std::uint64_t bytes = 0;
        for (const auto& [id, reason] : wanted) bytes += static_cast<std::uint64_t>(id);
        EXPECT_EQ(summary.planned.nar_size, bytes);
        EXPECT_EQ(summary.unreachable.paths + summary.released.paths, wanted.size());
        const auto released =
            std::ranges::count_if(wanted, [](const auto& each) { return each.second == 1; });
        EXPECT_EQ(summary.released.paths, static_cast<std::uint64_t>(released));
        std::uint64_t in_classes = 0;
        for (const auto& each : summary.by_age) in_classes += each.paths;
        EXPECT_EQ(in_classes, wanted.size());
    }
};

TEST_F(RandomPlans, are_what_a_walk_says_in_a_thousand_graphs) {
    RandomGraphs graphs(seed(), 1000, 300);
    const World world(graphs);
    store(graphs, world);
    constexpr std::int64_t k_day = 86400;
    expect_plans(graphs, world, keep_nothing(), 1);
    expect_plans(graphs, world, {true, false, 0, 0}, 2);
    expect_plans(graphs, world, {false, true, 30 * k_day, 0}, 3);
    expect_plans(graphs, world, {true, true, 30 * k_day, 30 * k_day}, 4);
}

TEST_F(Plans, tell_what_stays_and_what_goes_and_why) {
    store_chain(10);
    add_root("now", "3,99");
    add_root("once", "7", "now() - interval '1 h'");
    execute(
        "insert into path select 99, 1, substring(sha256('99') for 20);"
        "insert into tag select 1, hash, 'job', 'a' from path where id in (3, 8, 9);"
        "insert into request_count (cache, hash, day, served, hidden)"
        " select 1, hash, current_date, 3, 4 from path where id = 9"
    );
    const auto report = make_plan(database_.uri(), options(1), {});
    const auto& summary = report.summary;
    EXPECT_EQ(
        stored(report.plan), (Planned{{4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 0}, {9, 0}, {10, 0}})
    );
    EXPECT_EQ(summary.live.paths, 3U);
    EXPECT_EQ(summary.released.nar_size, 400U);
    EXPECT_EQ(summary.unreachable.nar_size, 300U);
    EXPECT_EQ(summary.file_size, 70U);
    EXPECT_EQ(summary.by_age[2].paths, 7U);
    EXPECT_EQ(summary.roots, 1U);
    EXPECT_EQ(summary.rooted_paths, 2U);
    EXPECT_EQ(summary.unresolved, 1U);
    ASSERT_EQ(summary.by_tag.size(), 1U);
    EXPECT_EQ(summary.by_tag[0].name, "job=a");
    EXPECT_EQ(summary.by_tag[0].tally.paths, 2U);
    ASSERT_EQ(summary.by_name.size(), 1U);
    EXPECT_EQ(summary.by_name[0].name, "tool");
    EXPECT_EQ(summary.requested_paths, 1U);
    ASSERT_EQ(summary.requested.size(), 1U);
    EXPECT_EQ(summary.requested[0].requested, 7U);
    EXPECT_FALSE(summary.difference);
}

TEST_F(Plans, are_stored_with_their_snapshot_and_what_they_were_made_by) {
    store_chain(3);
    add_root("now", "2");
    auto asked = options(1);
    asked.price_per_tb = 1e12;
    const auto report = make_plan(database_.uri(), asked, {});
    EXPECT_EQ(report.summary.saving_per_month, 10.0);
    std::optional<db::Plan> plan;
    std::vector<db::PlanPath> paths;
    connection_.read([&](db::Tx& tx) {
        plan = db::find_plan(tx, report.plan);
        paths = db::list_plan_paths(tx, *plan, 0, 10);
    });
    EXPECT_EQ(plan->state, "planned");
    EXPECT_EQ(plan->created_by, "tester");
    EXPECT_EQ(plan->engine, "sql");
    ASSERT_EQ(paths.size(), 1U);
    EXPECT_EQ(paths[0].name, "tool-3.0");
    EXPECT_EQ(paths[0].nar_size, 100U);
    EXPECT_EQ(paths[0].file_size, 10U);
    EXPECT_FALSE(paths[0].released);
    EXPECT_EQ(ask("select roots::text from plan"), "{" + ask("select id from root") + "}");
    EXPECT_EQ(ask("select summary ->> 'saving_per_month' from plan"), "10.0");
    EXPECT_EQ(
        ask("select pg_snapshot_xmin(snapshot) <= pg_snapshot_xmin(pg_current_snapshot()) from plan"
        ),
        "t"
    );
}

TEST_F(Plans, tell_what_changed_since_the_last_one) {
    store_chain(10);
    add_root("now", "8");
    const auto first = make_plan(database_.uri(), options(1), {});
    execute(
        "update root set paths = '{9}'; insert into root (cache, name, kind, paths)"
        " values (1, 'x', 'list', '{1}'); delete from graph where id = 5"
    );
    const auto second = make_plan(database_.uri(), options(1), {});
    ASSERT_TRUE(second.summary.difference);
    EXPECT_EQ(second.summary.difference->plan, first.plan);
    EXPECT_EQ(second.summary.difference->added, 3U);  // 2 to 4
    EXPECT_EQ(second.summary.difference->gone, 1U);   // 9
}

TEST_F(Plans, are_marked_when_they_look_like_a_mistake) {
    store_chain(10);
    const auto names = [](const PlanReport& report) {
        std::string out;
        for (const auto& each : report.summary.interlocks) out += each.name + " ";
        return out;
    };
    EXPECT_EQ(names(make_plan(database_.uri(), options(1), {})), "no-roots too-many ");
    add_root("now", "8");
    EXPECT_EQ(names(make_plan(database_.uri(), options(1), {})), "");
    execute(
        "insert into path select n, 1, substring(sha256(int4send(n)) for 20)"
        " from generate_series(98, 99) n; update root set paths = '{6,98,99}'"
    );
    EXPECT_EQ(names(make_plan(database_.uri(), options(1), {})), "unresolved-roots shrunk ");
    EXPECT_EQ(
        ask("select summary -> 'interlocks' -> 1 ->> 'name' from plan where id ="
            " (select max(id) from plan)"),
        "shrunk"
    );
    add_root("more", "8");
    EXPECT_EQ(names(make_plan(database_.uri(), options(1), {})), "unresolved-roots ");
    execute("delete from root where name = 'more'");
    auto other = options(1);
    other.keep.reference_free = true;  // another policy: not to be compared
    EXPECT_EQ(names(make_plan(database_.uri(), other, {})), "unresolved-roots ");
}

TEST_F(Plans, dont_see_what_comes_meanwhile) {
    store_chain(10);
    add_root("now", "5");
    PlanEvents events;
    events.progress = [&](std::string_view phase, std::uint64_t) {
        if (phase == "marking") execute("delete from root; delete from narinfo");
    };
    const auto report = make_plan(database_.uri(), options(1), events);
    EXPECT_EQ(report.summary.live.paths, 5U);
    EXPECT_EQ(report.summary.planned.paths, 5U);
}

TEST_F(Plans, that_were_never_hidden_are_forgotten_when_they_are_old) {
    store_chain(10);
    add_root("now", "5");
    const auto old = make_plan(database_.uri(), options(1), {});
    const auto restored = make_plan(database_.uri(), options(1), {});
    const auto younger = make_plan(database_.uri(), options(1), {});
    execute(
        "update plan set created_at = now() - interval '31 days', state = 'restored' where id = " +
        std::to_string(restored.plan)
    );
    execute(
        "update plan set created_at = now() - interval '29 days' where id = " +
        std::to_string(younger.plan)
    );
    execute(
        "update plan set created_at = now() - interval '31 days' where id = " +
        std::to_string(old.plan)
    );
    (void)make_plan(database_.uri(), options(1), {});
    EXPECT_EQ(ask("select string_agg(id::text, ' ' order by id) from plan"), "2 3 4");
    EXPECT_EQ(ask("select string_agg(distinct plan::text, ' ') from plan_path"), "2 3 4");
}

TEST_F(Plans, are_made_once_though_another_planner_forgets_the_same_old_one) {
    store_chain(10);
    const auto old = make_plan(database_.uri(), options(1), {});
    execute("update plan set created_at = now() - interval '31 days'");
    int times = 0;
    PlanEvents events;
    events.progress = [&](std::string_view phase, std::uint64_t) {
        if (phase != "storing" || times++ > 0) return;
        execute("delete from plan where id = " + std::to_string(old.plan));
    };
    const auto plan = make_plan(database_.uri(), options(1), events);
    EXPECT_EQ(times, 1);
    EXPECT_EQ(
        ask("select string_agg(distinct plan::text, ' ') from plan_path"), std::to_string(plan.plan)
    );
}

TEST_F(Plans, wait_for_nobody_who_uses_an_old_one) {
    store_chain(10);
    (void)make_plan(database_.uri(), options(1), {});
    execute("update plan set created_at = now() - interval '31 days'");
    connection_.write([&](db::Tx& tx) {
        tx.transaction.exec("select from plan for update");
        (void)make_plan(database_.uri() + " options='-c lock_timeout=5s'", options(1), {});
    });
    EXPECT_EQ(ask("select count(*) from plan"), "2");
}

TEST_F(Plans, that_were_forgotten_lose_all_of_their_paths) {
    store_chain(10);
    execute("insert into plan_path select 1000 + n % 3, n, 0 from generate_series(1, 25000) n");
    const auto plan = make_plan(database_.uri(), options(1), {});
    EXPECT_EQ(
        ask("select count(*) from plan_path where plan <> " + std::to_string(plan.plan)), "0"
    );
    EXPECT_EQ(stored(plan.plan).size(), 10U);
}

TEST_F(Plans, leave_nothing_when_they_are_stopped) {
    store_chain(10);
    std::atomic<bool> stop = false;
    PlanEvents events;
    events.stop = &stop;
    events.progress = [&](std::string_view phase, std::uint64_t) {
        if (phase == "storing") stop = true;
    };
    EXPECT_THROW((void)make_plan(database_.uri(), options(1), events), db::Stopped);
    EXPECT_EQ(ask("select count(*) from plan"), "0");
    EXPECT_EQ(ask("select count(*) from plan_path"), "0");
}

}  // namespace
}  // namespace narthex::service
