// Spaces work evenly, so that its average stays at a rate. Time is a parameter.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace narthex::service {

class Pace {
  public:
    using Clock = std::chrono::steady_clock;

    // `rate`: so many a second; at least 1.
    explicit Pace(std::size_t rate) : rate_(rate) {}

    // A tenth of a second's worth, at least one: what comes at once should be short.
    [[nodiscard]] std::size_t largest_batch() const {
        return std::max<std::size_t>(rate_ / k_batches_a_second, 1);
    }

    // When the next `count` may be done, at the earliest: now, or later. What was a little late is
    // caught up with; after a longer pause it starts anew, since a burst would follow otherwise.
    [[nodiscard]] Clock::time_point take(std::size_t count, Clock::time_point now) {
        const auto turn = next_ < now - k_catch_up ? now : next_;
        const std::chrono::duration<double> time(
            static_cast<double>(count) / static_cast<double>(rate_)
        );
        next_ = turn + std::chrono::duration_cast<Clock::duration>(time);
        return std::max(turn, now);
    }

  private:
    static constexpr std::size_t k_batches_a_second = 10;
    static constexpr std::chrono::milliseconds k_catch_up{100};

    std::size_t rate_;
    Clock::time_point next_{};
};

}  // namespace narthex::service
