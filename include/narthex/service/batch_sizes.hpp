// How many keys the lookup statements had, for /metrics. Any thread, no locks.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace narthex::service {

class BatchSizes {
  public:
    static constexpr std::array<std::size_t, 11> k_bounds = {
        1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096};

    void add(std::size_t keys) {
        const auto at = std::ranges::lower_bound(k_bounds, keys) - k_bounds.begin();
        counts_[static_cast<std::size_t>(at)].fetch_add(1, std::memory_order_relaxed);
        sum_.fetch_add(keys, std::memory_order_relaxed);
    }

    // Statements with at most k_bounds[i] keys, and more than k_bounds[i - 1]; the last: more.
    [[nodiscard]] std::uint64_t count(std::size_t i) const { return counts_[i]; }
    [[nodiscard]] std::uint64_t sum() const { return sum_; }

  private:
    std::array<std::atomic<std::uint64_t>, k_bounds.size() + 1> counts_{};
    std::atomic<std::uint64_t> sum_ = 0;
};

}  // namespace narthex::service
