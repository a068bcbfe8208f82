#include "narthex/core/reference_index.hpp"

#include "support/made_up.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace narthex {
namespace {

using Place = ReferenceIndex::Place;
using Places = std::vector<Place>;
using IndexedGraph = std::vector<std::vector<int>>;  // path i refers to these

void add(ReferenceIndex& index, int path, const std::vector<int>& references) {
    std::vector<BaseName> names;
    for (const int each : references) names.push_back(test::path_name(each));
    index.add(test::path_hash(path), names);
}

ReferenceIndex index_of(const IndexedGraph& graph) {
    ReferenceIndex index;
    for (int i = 0; i < std::ssize(graph); ++i) add(index, i, graph[static_cast<std::size_t>(i)]);
    return index;
}

// Whether one leads to the other by references.
bool leads(const IndexedGraph& graph, int from, int to) {
    std::set<int> seen;
    std::vector<int> pending{from};
    while (!pending.empty()) {
        const int here = pending.back();
        pending.pop_back();
        if (here >= std::ssize(graph)) continue;
        for (const int next : graph[static_cast<std::size_t>(here)]) {
            if (next == to) return true;
            if (seen.insert(next).second) pending.push_back(next);
        }
    }
    return false;
}

rc::Gen<IndexedGraph> graphs() {
    return rc::gen::mapcat(rc::gen::inRange(0, 12), [](int size) {
        // Some references are to paths that aren't there.
        return rc::gen::container<IndexedGraph>(
            static_cast<std::size_t>(size),
            rc::gen::container<std::vector<int>>(rc::gen::inRange(0, size + 2))
        );
    });
}

TEST(ReferenceIndex, numbers_paths_as_they_are_named) {
    const auto index = index_of({{1, 7}, {1}});
    EXPECT_EQ(index.size(), 2U);
    EXPECT_EQ(index.paths().size(), 3U);
    EXPECT_EQ(index.find(test::path_hash(1)), Place{1});
    EXPECT_EQ(index.find(test::path_hash(7)), std::nullopt);
    EXPECT_EQ(index.find(test::path_hash(8)), std::nullopt);
    EXPECT_EQ(index.paths()[index.references(0)[1]], test::path_hash(7));
    EXPECT_EQ(index.place(index.references(1)[0]), Place{1});
}

TEST(ReferenceIndex, puts_references_first) {
    EXPECT_EQ(index_of({{1, 2}, {2}, {}}).references_first(), (Places{2, 1, 0}));
    EXPECT_EQ(index_of({{0}, {0, 1}}).references_first(), (Places{0, 1}));
    EXPECT_EQ(index_of({{2}, {0}, {0}}).references_first(), (Places{0, 2, 1}));
}

TEST(ReferenceIndex, orders_a_chain_as_long_as_an_import) {
    constexpr int k_length = 100'000;
    IndexedGraph chain(k_length);
    for (int i = 0; i + 1 < k_length; ++i) chain[static_cast<std::size_t>(i)] = {i + 1};
    const auto order = index_of(chain).references_first();
    EXPECT_EQ(order.front(), Place{k_length - 1});
    EXPECT_EQ(order.back(), Place{0});
}

RC_GTEST_PROP(ReferenceIndex, order_is_one_of_all_places_and_is_right, ()) {
    const auto graph = *graphs();
    const auto order = index_of(graph).references_first();
    auto sorted = order;
    std::ranges::sort(sorted);
    for (Place i = 0; i < graph.size(); ++i) RC_ASSERT(sorted.at(i) == i);
    RC_ASSERT(order.size() == graph.size());
    for (std::size_t early = 0; early < order.size(); ++early) {
        for (std::size_t late = early + 1; late < order.size(); ++late) {
            const int a = static_cast<int>(order[early]);
            const int b = static_cast<int>(order[late]);
            RC_ASSERT(!leads(graph, a, b) || leads(graph, b, a));
        }
    }
}

RC_GTEST_PROP(ReferenceIndex, an_order_that_is_fine_stays, ()) {
    const auto graph = *graphs();
    const auto order = index_of(graph).references_first();
    ReferenceIndex again;
    for (const auto place : order) add(again, static_cast<int>(place), graph[place]);
    Places same(order.size());
    for (Place i = 0; i < same.size(); ++i) same[i] = i;
    RC_ASSERT(again.references_first() == same);
}

RC_GTEST_PROP(ReferenceIndex, gaps_are_what_leads_to_an_absent_path, ()) {
    const auto graph = *graphs();
    const auto index = index_of(graph);
    const int size = static_cast<int>(graph.size());
    // Of the two paths that nobody added, the first is served.
    std::vector<bool> served(index.paths().size());
    for (std::size_t i = 0; i < served.size(); ++i) {
        served[i] = index.paths()[i] == test::path_hash(size);
    }
    std::set<Place> lacking;
    for (const auto& gap : index.gaps(index.references_first(), served)) {
        RC_ASSERT(lacking.insert(gap.place).second);
        const auto all = index.references(gap.place);
        RC_ASSERT(std::ranges::find(all, gap.missing) != all.end());
    }
    for (int i = 0; i < size; ++i) {
        RC_ASSERT(lacking.contains(static_cast<Place>(i)) == leads(graph, i, size + 1));
    }
}

}  // namespace
}  // namespace narthex
