#include "narthex/app/interrupt.hpp"

#include <unistd.h>

#include <csignal>
#include <string_view>

namespace narthex::app {

namespace {

std::atomic<bool> signalled = false;

void on_signal(int /*signal*/) {
    signalled = true;
    constexpr std::string_view k_text = "\nnarthex: ending; once more to end at once\n";
    // Nobody can be told if this fails.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, k_text.data(), k_text.size());
}

}  // namespace

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
}

const std::atomic<bool>& interrupted() {
    return signalled;
}

}  // namespace narthex::app
