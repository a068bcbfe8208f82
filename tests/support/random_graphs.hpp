// Random graphs of references, many in one range of path ids, and a walk over them that any reader
// believes: what the engines of the mark are held against.
#pragma once

#include <cstdint>
#include <random>
#include <set>
#include <span>
#include <vector>

namespace narthex::test {

struct GraphNode {
    bool has_narinfo;  // else its path is only named
    std::vector<int> references;
};

// Path ids from 1 on; each graph is a range of them, which refers to nothing outside.
class RandomGraphs {
  public:
    // Graphs of 1 to `most` nodes. Three in ten references go to the same or a higher id, so there
    // are circles of all lengths; one path in twenty has no narinfo.
    RandomGraphs(std::uint64_t seed, int graphs, int most);

    [[nodiscard]] int last() const { return static_cast<int>(nodes_.size()); }
    [[nodiscard]] int graphs() const { return static_cast<int>(starts_.size()); }
    [[nodiscard]] int graph_of(int id) const { return graph_of_[place(id)]; }
    [[nodiscard]] const GraphNode& node(int id) const { return nodes_[place(id)]; }

    // About one path in so many.
    [[nodiscard]] std::vector<int> pick(int in);
    [[nodiscard]] int below(int end);  // a random number from 0

    [[nodiscard]] std::set<int> reached(std::span<const int> seeds) const;

  private:
    static std::size_t place(int id) { return static_cast<std::size_t>(id) - 1; }
    void add_graph(int size);

    std::mt19937_64 random_;
    std::vector<int> starts_;
    std::vector<int> graph_of_;
    std::vector<GraphNode> nodes_;
};

}  // namespace narthex::test
