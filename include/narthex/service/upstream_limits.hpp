// What an operator can set of pulling through, and what is fixed; the defaults stand here and
// nowhere else.
#pragma once

#include <chrono>
#include <cstddef>

namespace narthex::service {

struct UpstreamLimits {
    std::chrono::milliseconds timeout{2000};  // for what one upstream says of one path
    std::size_t fetches = 32;                 // at once, until what they brought is stored
    std::chrono::seconds keep_misses{60};     // what all upstreams deny
    std::size_t most_misses = 100'000;
    std::size_t largest_queue = 100'000;  // lookups that wait; more are `unavailable`
};

}  // namespace narthex::service
