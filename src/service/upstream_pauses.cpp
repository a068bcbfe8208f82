#include "narthex/service/upstream_pauses.hpp"

#include <algorithm>

namespace narthex::service {

bool UpstreamPauses::may_ask(const std::string& upstream, Time now) {
    const auto at = pauses_.find(upstream);
    if (at == pauses_.end()) return true;
    auto& pause = at->second;
    if (pause.probing || now < pause.until) return false;
    pause.probing = true;
    return true;
}

bool UpstreamPauses::succeeded(const std::string& upstream) {
    return pauses_.erase(upstream) > 0;
}

bool UpstreamPauses::failed(const std::string& upstream, Time begun, Time now) {
    auto& pause = pauses_[upstream];
    if (pause.failures > 0 && begun < pause.until) return false;
    constexpr int k_doublings = 6;  // 64 s, past the longest
    const auto length = k_first_pause * (1 << std::min(pause.failures, k_doublings));
    pause.until = now + std::min<std::chrono::seconds>(length, k_longest_pause);
    pause.probing = false;
    return ++pause.failures == 1;
}

bool UpstreamPauses::paused(const std::string& upstream) const {
    return pauses_.contains(upstream);
}

}  // namespace narthex::service
