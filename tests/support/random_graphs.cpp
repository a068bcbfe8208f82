#include "support/random_graphs.hpp"

namespace narthex::test {

RandomGraphs::RandomGraphs(std::uint64_t seed, int graphs, int most) : random_(seed) {
    for (int i = 0; i < graphs; ++i) add_graph(1 + below(most));
}

int RandomGraphs::below(int end) {
    return static_cast<int>(random_() % static_cast<std::uint64_t>(end));
}

void RandomGraphs::add_graph(int size) {
    const int first = last() + 1;
    const int number = graphs();
    starts_.push_back(first);
    for (int i = 0; i < size; ++i) {
        GraphNode node{below(20) != 0, {}};
        const int count = node.has_narinfo && below(4) != 0 ? below(6) : 0;
        for (int j = 0; j < count; ++j) {
            const int to = below(10) < 3 ? i + below(size - i) : below(i + 1);
            node.references.push_back(first + to);
        }
        nodes_.push_back(std::move(node));
        graph_of_.push_back(number);
    }
}

std::vector<int> RandomGraphs::pick(int in) {
    std::vector<int> picked;
    for (int id = 1; id <= last(); ++id) {
        if (below(in) == 0) picked.push_back(id);
    }
    return picked;
}

std::set<int> RandomGraphs::reached(std::span<const int> seeds) const {
    std::set<int> reached;
    std::vector<int> open(seeds.begin(), seeds.end());
    while (!open.empty()) {
        const int id = open.back();
        open.pop_back();
        if (!reached.insert(id).second) continue;
        const auto& references = node(id).references;
        open.insert(open.end(), references.begin(), references.end());
    }
    return reached;
}

}  // namespace narthex::test
