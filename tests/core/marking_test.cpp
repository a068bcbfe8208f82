// The passes against a walk that any reader believes: from the seeds, along references, until
// nothing new comes.
#include "narthex/core/marking.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace narthex {
namespace {

using Graph = std::map<int, std::vector<int>>;  // paths without a row dangle

std::set<int> walk(const Graph& graph, const std::vector<int>& seeds) {
    std::set<int> reached;
    auto open = seeds;
    while (!open.empty()) {
        const int id = open.back();
        open.pop_back();
        if (!reached.insert(id).second || !graph.contains(id)) continue;
        const auto& references = graph.at(id);
        open.insert(open.end(), references.begin(), references.end());
    }
    return reached;
}

void pass(Marking& marking, const Graph& graph) {
    marking.begin_pass();
    for (auto row = graph.rbegin(); row != graph.rend(); ++row) {
        marking.row(row->first, row->second);
    }
}

void follow_some(Marking& marking, const Graph& graph, std::size_t batch) {
    for (const int id : marking.take_late(batch)) {
        if (graph.contains(id)) marking.followed(graph.at(id));
    }
}

std::set<int> members(const Bitmap& bitmap) {
    const auto ids = bitmap.ids();
    return {ids.begin(), ids.end()};
}

// How the late ones are finished.
struct Finish {
    std::size_t most_late;
    std::size_t batches;  // that are followed before another pass
};

std::set<int> mark(const Graph& graph, int last, const std::vector<int>& seeds, Finish finish) {
    Bitmap marked(last);
    for (const int seed : seeds) marked.add(seed);
    Marking marking(marked, finish.most_late);
    pass(marking, graph);
    while (!marking.done()) {
        for (std::size_t i = 0; i < finish.batches && marking.can_follow(); ++i) {
            follow_some(marking, graph, 3);
        }
        if (!marking.done()) pass(marking, graph);
    }
    return members(marked);
}

// Three in ten references go to a higher id; some paths have no row.
Graph pick_graph(int size) {
    Graph graph;
    for (int id = 1; id <= size; ++id) {
        if (*rc::gen::inRange(0, 20) == 0) continue;
        auto& references = graph[id];
        const int count = *rc::gen::inRange(0, 4);
        for (int i = 0; i < count; ++i) {
            const bool up = *rc::gen::inRange(0, 10) < 3;
            references.push_back(
                up ? *rc::gen::inRange(id, size + 1) : *rc::gen::inRange(1, id + 1)
            );
        }
    }
    return graph;
}

RC_GTEST_PROP(Marking, marks_what_a_walk_reaches, ()) {
    const int size = *rc::gen::inRange(1, 120);
    const auto graph = pick_graph(size);
    const auto seeds = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, size + 1));
    const Finish finish{*rc::gen::inRange<std::size_t>(0, 9), *rc::gen::inRange<std::size_t>(0, 4)};
    RC_ASSERT(mark(graph, size, seeds, finish) == walk(graph, seeds));
}

TEST(Marking, needs_one_pass_where_references_come_first) {
    const Graph graph{{1, {}}, {2, {1, 2}}, {3, {2}}, {4, {1}}};
    Bitmap marked(4);
    marked.add(3);
    Marking marking(marked, 10);
    pass(marking, graph);
    EXPECT_TRUE(marking.done());
    EXPECT_EQ(members(marked), (std::set{1, 2, 3}));
}

TEST(Marking, follows_what_came_late) {
    const Graph graph{{1, {4}}, {2, {5}}, {3, {}}, {4, {2}}, {5, {3}}};
    Bitmap marked(5);
    marked.add(1);
    Marking marking(marked, 10);
    pass(marking, graph);
    EXPECT_FALSE(marking.done());
    EXPECT_TRUE(marking.can_follow());
    while (!marking.done()) follow_some(marking, graph, 1);
    EXPECT_EQ(members(marked), (std::set{1, 2, 3, 4, 5}));
}

TEST(Marking, passes_again_where_too_many_came_late) {
    const Graph graph{{1, {2, 3, 4}}, {2, {}}, {3, {}}, {4, {}}};
    Bitmap marked(4);
    marked.add(1);
    Marking marking(marked, 2);
    pass(marking, graph);
    EXPECT_FALSE(marking.can_follow());
    pass(marking, graph);
    EXPECT_TRUE(marking.done());
    EXPECT_EQ(marked.count(), 4U);
}

TEST(Bitmap, holds_ids_up_to_the_last) {
    Bitmap bitmap(64);
    EXPECT_TRUE(bitmap.add(0));
    EXPECT_TRUE(bitmap.add(64));
    EXPECT_FALSE(bitmap.add(64));
    EXPECT_FALSE(bitmap.add(65));
    EXPECT_FALSE(bitmap.add(-1));
    EXPECT_FALSE(bitmap.test(65));
    EXPECT_EQ(bitmap.ids(), (std::vector{0, 64}));
    Bitmap other(64);
    other.add(64);
    bitmap.remove(other);
    EXPECT_EQ(bitmap.ids(), std::vector{0});
}

}  // namespace
}  // namespace narthex
