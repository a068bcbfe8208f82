// Which paths a set of paths reaches, in passes over all rows of the graph by descending id: what
// refers to lower ids only is marked by one pass, with a bit a path as its only memory. What
// refers to a higher id is late, since that row has passed: it stays to be followed. Pure; one
// thread.
#pragma once

#include "narthex/core/bitmap.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace narthex {

class Marking {
  public:
    // `marked` has the seeds, lives as long as this, and gets what they reach. More late paths
    // than `most_late` (at 4 bytes each) are left to another pass.
    Marking(Bitmap& marked, std::size_t most_late);

    // Before the first row of each pass.
    void begin_pass();
    // A row of a pass; ids descend.
    void row(int id, std::span<const int> references) {
        if (!marked_.test(id)) return;
        for (const int reference : references) {
            if (marked_.add(reference) && reference > id) add_late(reference);
        }
    }

    // Whether all that the seeds reach is marked.
    [[nodiscard]] bool done() const { return late_.empty() && !overflowed_; }
    // Whether the late paths are all there, so that they can be followed one by one instead of by
    // another pass.
    [[nodiscard]] bool can_follow() const { return !overflowed_; }

    // At most so many late paths, which are late no more: their rows are given to followed().
    [[nodiscard]] std::vector<int> take_late(std::size_t most);
    // The row of a path that was late: what it newly reaches is late.
    void followed(std::span<const int> references);

  private:
    void add_late(int id);

    Bitmap& marked_;
    std::size_t most_late_;
    std::vector<int> late_;
    bool overflowed_ = false;
};

}  // namespace narthex
