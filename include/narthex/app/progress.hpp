// Progress of long work on a terminal: one line on standard error, rewritten, from two seconds
// after the start on. Prints nothing when standard error is not a terminal. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::app {

struct ProgressState {
    std::string_view phase;  // "storing"; a literal
    std::uint64_t done;      // items
    std::uint64_t bytes;
    std::optional<std::uint64_t> total_bytes;
    std::string_view of = "narinfos";  // what is counted; a literal
};

// "storing: 12000 narinfos, 3100/s, 42 %, 0:35 left". `elapsed` is since the phase began. Pure.
[[nodiscard]] std::string progress_text(
    const ProgressState& state, std::chrono::duration<double> elapsed
);

class Progress {
  public:
    Progress();
    ~Progress();  // leaves no half line behind
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // False where nobody would see it.
    [[nodiscard]] bool wanted() const { return terminal_; }
    void show(const ProgressState& state);
    // Before other output goes to the terminal.
    void clear();
    [[nodiscard]] std::chrono::duration<double> elapsed() const;

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point start_;
    Clock::time_point next_;
    Clock::time_point phase_start_;
    std::string_view phase_;
    bool terminal_;
    bool shown_ = false;
};

}  // namespace narthex::app
