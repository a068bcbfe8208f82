#include "narthex/core/reference_order.hpp"

#include "support/made_up.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>

namespace narthex {
namespace {

using namespace test;

using Graph = std::map<int, std::vector<int>>;  // path number to the numbers it refers to

std::vector<HashPart> order_of(const std::vector<Narinfo>& narinfos) {
    std::vector<const Narinfo*> batch;
    for (const auto& narinfo : narinfos) batch.push_back(&narinfo);
    return references_first(batch);
}

std::vector<Narinfo> narinfos_of(const Graph& graph) {
    std::vector<Narinfo> narinfos;
    for (const auto& [number, references] : graph) narinfos.push_back(made_up(number, references));
    return narinfos;
}

std::set<HashPart> all_named(const Graph& graph) {
    std::set<HashPart> named;
    for (const auto& [number, references] : graph) {
        named.insert(path_hash(number));
        for (const int reference : references) named.insert(path_hash(reference));
    }
    return named;
}

bool has_each_once(const std::vector<HashPart>& order, const Graph& graph) {
    const std::set<HashPart> once(order.begin(), order.end());
    return once.size() == order.size() && once == all_named(graph);
}

bool is_reference_first(const std::vector<HashPart>& order, const Graph& graph) {
    std::unordered_map<HashPart, std::size_t> place;
    for (std::size_t i = 0; i < order.size(); ++i) place.emplace(order[i], i);
    return std::ranges::all_of(graph, [&](const auto& entry) {
        const auto& [number, references] = entry;
        return std::ranges::all_of(references, [&, number = number](int reference) {
            return reference == number ||
                   place.at(path_hash(reference)) < place.at(path_hash(number));
        });
    });
}

// Path numbers are a random permutation, so that neither they nor the hashes follow the order.
// References go to the batch, to paths outside of it (1000 and up), and to oneself.
Graph pick_graph(bool acyclic) {
    const int size = *rc::gen::inRange(1, 25);
    std::vector<int> numbers(static_cast<std::size_t>(size));
    std::iota(numbers.begin(), numbers.end(), 0);
    for (std::size_t i = numbers.size(); i > 1; --i) {
        std::swap(numbers[i - 1], numbers[*rc::gen::inRange<std::size_t>(0, i)]);
    }
    Graph graph;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        auto& references = graph[numbers[i]];
        const auto reachable = acyclic ? i + 1 : numbers.size();
        const auto picks = *rc::gen::container<std::vector<std::size_t>>(
            rc::gen::inRange<std::size_t>(0, reachable + 3)
        );
        for (const auto pick : picks) {
            references.push_back(pick < reachable ? numbers[pick] : 1000 + static_cast<int>(pick));
        }
    }
    return graph;
}

RC_GTEST_PROP(ReferenceOrder, puts_every_reference_before_its_referrer, ()) {
    const auto graph = pick_graph(true);
    auto narinfos = narinfos_of(graph);
    const auto turn = *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(narinfos));
    std::rotate(narinfos.begin(), narinfos.begin() + turn, narinfos.end());
    const auto order = order_of(narinfos);
    RC_ASSERT(has_each_once(order, graph));
    RC_ASSERT(is_reference_first(order, graph));
}

RC_GTEST_PROP(ReferenceOrder, ends_and_has_each_path_once_when_references_go_in_circles, ()) {
    const auto graph = pick_graph(false);
    RC_ASSERT(has_each_once(order_of(narinfos_of(graph)), graph));
}

TEST(ReferenceOrder, of_nothing_is_empty) {
    EXPECT_TRUE(references_first({}).empty());
}

TEST(ReferenceOrder, takes_self_references_and_pairs) {
    EXPECT_EQ(order_of({made_up(1, {1})}), std::vector{path_hash(1)});
    const Graph pair{{1, {1, 2}}, {2, {1, 2, 3}}};
    EXPECT_TRUE(has_each_once(order_of(narinfos_of(pair)), pair));
}

TEST(ReferenceOrder, of_the_same_path_twice_has_it_once) {
    const Graph both{{1, {2}}};
    EXPECT_TRUE(has_each_once(order_of({made_up(1, {2}), made_up(1, {2})}), both));
}

// The walk must not use the machine's stack.
TEST(ReferenceOrder, of_a_chain_as_long_as_a_large_batch) {
    Graph chain;
    for (int number = 0; number < 20'000; ++number) chain[number] = {number + 1};
    const auto order = order_of(narinfos_of(chain));
    EXPECT_TRUE(has_each_once(order, chain));
    EXPECT_TRUE(is_reference_first(order, chain));
}

}  // namespace
}  // namespace narthex
