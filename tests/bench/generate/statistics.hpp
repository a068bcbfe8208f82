// What a made-up data set looks like, to be held against the real one's figures.
#pragma once

#include "classes.hpp"

#include <array>
#include <cstddef>
#include <iosfwd>
#include <vector>

namespace narthex::bench {

class Statistics {
  public:
    void add(
        Class kind, std::size_t references, bool to_itself, std::size_t name, std::size_t bytes
    );

    void print(std::ostream& out) const;

    // Prints each figure that is too far from the real one's; true when there is none.
    [[nodiscard]] bool check(std::ostream& out) const;

  private:
    std::array<std::size_t, k_classes> paths_{};
    std::array<std::size_t, k_classes> edges_{};
    std::vector<std::size_t> references_;
    std::vector<std::size_t> names_;
    std::vector<std::size_t> bytes_;
    std::size_t to_themselves_ = 0;
};

}  // namespace narthex::bench
