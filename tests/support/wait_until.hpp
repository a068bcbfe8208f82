// For what another thread does: polls until it is so. Throws, which ends the test, after half a
// minute.
#pragma once

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

namespace narthex::test {

inline void wait_until(const std::function<bool()>& condition, const std::string& what) {
    constexpr std::chrono::seconds k_patience(30);
    const auto end = std::chrono::steady_clock::now() + k_patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            throw std::runtime_error("not within 30 s: " + what);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

}  // namespace narthex::test
