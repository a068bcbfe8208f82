#include "narthex/app/progress.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>

namespace narthex::app {

namespace {
constexpr std::chrono::seconds k_first(2);
constexpr std::chrono::milliseconds k_interval(500);
}  // namespace

std::string progress_text(const ProgressState& state, std::chrono::duration<double> elapsed) {
    const auto seconds = std::max(elapsed.count(), 0.001);
    auto text = fmt::format("{}: {} {}", state.phase, state.done, state.of);
    // A rate of less than a second's work says nothing.
    if (seconds < 1) return text;
    text += fmt::format(", {:.0f}/s", static_cast<double>(state.done) / seconds);
    if (!state.total_bytes || *state.total_bytes == 0 || state.bytes == 0) return text;
    const auto share =
        std::min(1.0, static_cast<double>(state.bytes) / static_cast<double>(*state.total_bytes));
    const auto left = static_cast<std::uint64_t>(seconds / share - seconds);
    return text + fmt::format(", {:.0f} %, {}:{:02} left", share * 100, left / 60, left % 60);
}

Progress::Progress()
    : start_(Clock::now()),
      next_(start_ + k_first),
      phase_start_(start_),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    clear();
}

void Progress::show(const ProgressState& state) {
    const auto now = Clock::now();
    if (state.phase != phase_) {
        phase_ = state.phase;
        phase_start_ = now;
    }
    if (!terminal_ || now < next_) return;
    next_ = now + k_interval;
    shown_ = true;
    fmt::print(stderr, "\r\x1b[K{}", progress_text(state, now - phase_start_));
}

void Progress::clear() {
    if (shown_) fmt::print(stderr, "\r\x1b[K");
    shown_ = false;
}

std::chrono::duration<double> Progress::elapsed() const {
    return Clock::now() - start_;
}

}  // namespace narthex::app
