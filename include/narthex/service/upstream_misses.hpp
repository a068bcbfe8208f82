// The paths that no upstream has, for a short time, so that asking for them again costs no fetch.
// Bounded: the oldest make room. One thread at a time; time is a parameter.
#pragma once

#include "narthex/core/path_key.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <utility>

namespace narthex::service {

class UpstreamMisses {
  public:
    using Time = std::chrono::steady_clock::time_point;

    // `keep`: for how long; 0 keeps none. `most`: how many, at least 1.
    UpstreamMisses(std::chrono::seconds keep, std::size_t most) : keep_(keep), most_(most) {}

    [[nodiscard]] bool holds(const PathKey& key, Time now) const;
    void add(const PathKey& key, Time now);
    void clear();

  private:
    void drop_oldest();

    std::chrono::seconds keep_;
    std::size_t most_;
    // Ordered, since clients choose the keys and could make those of a hash table collide.
    std::map<PathKey, Time> until_;
    std::deque<std::pair<PathKey, Time>> ages_;  // each `until_`, the oldest first
};

}  // namespace narthex::service
