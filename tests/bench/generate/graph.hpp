// The graph of a made-up cache: paths in topological order (a path refers to lower numbers and to
// itself only), mass rebuilds with hubs of their own, locality, popularity, and some references to
// paths that aren't there.
#pragma once

#include "classes.hpp"
#include "random.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace narthex::bench {

using PathNumber = std::uint32_t;

class Graph {
  public:
    // Numbers from `count` up to this are paths that are only referred to.
    [[nodiscard]] static std::size_t dangling(std::size_t count) { return count / 100 + 1; }

    Graph(std::size_t count, std::uint64_t seed);

    // True when it is one of the first k_hubs of its mass rebuild; `hub` is which.
    [[nodiscard]] bool is_hub(std::size_t path, std::size_t& hub) const;

    // The class of the next path and its references, each once, in no order. The span holds until
    // the next call.
    [[nodiscard]] std::span<const PathNumber> add(Class kind);

  private:
    void choose(std::size_t wanted, Class kind);
    void choose_closure(std::size_t wanted);
    void take(PathNumber path);
    [[nodiscard]] PathNumber draw_target();
    [[nodiscard]] PathNumber draw_recent();
    [[nodiscard]] std::span<const PathNumber> references_of(PathNumber path) const;

    std::size_t count_;
    std::size_t epoch_size_;
    Random random_;
    std::vector<double> hub_weights_;  // running sums, the last is 1
    std::vector<Class> classes_;
    std::vector<PathNumber> systems_;
    std::vector<std::size_t> starts_ = {0};  // of each path's references in edges_
    std::vector<PathNumber> edges_;
    std::vector<PathNumber> seen_;  // seen_[path] == the path whose references are chosen, plus 1
};

}  // namespace narthex::bench
