// Both engines reach what a plain walk reaches.
#include "graphs_fixture.hpp"

#include "narthex/service/mark.hpp"

#include <algorithm>
#include <atomic>
#include <iterator>

namespace narthex::service {
namespace {

using test::RandomGraphs;

class Mark : public GraphsTest {
  protected:
    std::set<int> mark_from(Engine engine, std::span<const int> seeds) {
        std::set<int> out;
        connection_.read([&](db::Tx& tx) {
            db::see_one_moment(tx);
            db::MarkReader reader(database_.uri(), db::export_snapshot(tx), nullptr);
            Bitmap from(reader.last_path_id());
            for (const int id : seeds) from.add(id);
            Bitmap marked(from.last());
            mark(reader, engine, from, marked, {});
            const auto ids = marked.ids();
            out = {ids.begin(), ids.end()};
        });
        return out;
    }

    // Which graphs differ, for the message.
    static std::set<int> differing(
        const RandomGraphs& graphs, const std::set<int>& a, const std::set<int>& b
    ) {
        std::vector<int> ids;
        std::ranges::set_symmetric_difference(a, b, std::back_inserter(ids));
        std::set<int> out;
        for (const int id : ids) out.insert(graphs.graph_of(id));
        return out;
    }
};

TEST_F(Mark, reaches_what_a_walk_reaches_in_thousands_of_graphs) {
    RandomGraphs graphs(seed(), 3000, 300);
    store_graphs(graphs, [&](int id) { return 1 + graphs.graph_of(id) % 3; });
    for (const int in : {200, 20, 3}) {
        const auto seeds = graphs.pick(in);
        const auto walked = graphs.reached(seeds);
        for (const auto engine : {Engine::sql, Engine::stream}) {
            const auto marked = mark_from(engine, seeds);
            EXPECT_EQ(differing(graphs, marked, walked), std::set<int>{})
                << to_string(engine) << ", one seed in " << in;
        }
    }
}

TEST_F(Mark, follows_a_chain_of_references_to_higher_ids) {
    test::execute(
        database_.uri(),
        "insert into path select n, 1, substring(sha256(int4send(n)) for 20)"
        " from generate_series(1, 20000) n;"
        "insert into graph select n, array[n + 1] from generate_series(1, 19999) n"
    );
    for (const auto engine : {Engine::sql, Engine::stream}) {
        EXPECT_EQ(mark_from(engine, std::array{1}).size(), 20000U) << to_string(engine);
        EXPECT_EQ(mark_from(engine, std::array{19990}).size(), 11U) << to_string(engine);
    }
}

TEST_F(Mark, of_nothing_is_nothing) {
    for (const auto engine : {Engine::sql, Engine::stream}) {
        EXPECT_EQ(mark_from(engine, {}), std::set<int>{});
        EXPECT_EQ(mark_from(engine, std::array{7}), std::set<int>{});  // past the last id
    }
}

TEST_F(Mark, sees_the_moment_of_its_snapshot) {
    RandomGraphs graphs(seed(), 1, 20);
    store_graphs(graphs, [](int) { return 1; });
    connection_.read([&](db::Tx& tx) {
        db::see_one_moment(tx);
        db::MarkReader reader(database_.uri(), db::export_snapshot(tx), nullptr);
        test::execute(database_.uri(), "delete from graph; delete from path");
        EXPECT_EQ(reader.last_path_id(), graphs.last());
        std::size_t rows = 0;
        reader.pass([](int) { return true; }, [&](int, std::span<const int>) { ++rows; });
        EXPECT_GT(rows, 0U);
    });
}

TEST_F(Mark, ends_when_it_is_told_to) {
    test::execute(
        database_.uri(),
        "insert into path select n, 1, substring(sha256(int4send(n)) for 20)"
        " from generate_series(1, 100000) n;"
        "insert into graph select n, array[n - 1] from generate_series(1, 100000) n"
    );
    for (const auto engine : {Engine::sql, Engine::stream}) {
        std::atomic<bool> stop = false;
        connection_.read([&](db::Tx& tx) {
            db::see_one_moment(tx);
            db::MarkReader reader(database_.uri(), db::export_snapshot(tx), &stop);
            Bitmap seeds(100000);
            seeds.add(100000);
            stop = true;
            Bitmap marked(100000);
            EXPECT_THROW(mark(reader, engine, seeds, marked, {}), db::Stopped);
        });
    }
}

TEST(Engines, have_names) {
    for (const auto engine : {Engine::sql, Engine::stream}) {
        EXPECT_EQ(parse_engine(to_string(engine)), engine);
    }
    EXPECT_FALSE(parse_engine("SQL"));
    EXPECT_EQ(choose_engine(100, 100), Engine::sql);
    EXPECT_EQ(choose_engine(101, 100), Engine::stream);
}

}  // namespace
}  // namespace narthex::service
