// Keeps what others can cause, again and again, from filling the log: a line a minute at most. One
// thread at a time.
#pragma once

#include <chrono>

namespace narthex::service {

class LogLimit {
  public:
    // True when the line may be written now.
    [[nodiscard]] bool may_log() {
        const auto now = std::chrono::steady_clock::now();
        if (now < next_) return false;
        next_ = now + std::chrono::minutes(1);
        return true;
    }

  private:
    std::chrono::steady_clock::time_point next_{};
};

}  // namespace narthex::service
