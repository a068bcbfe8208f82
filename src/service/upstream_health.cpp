#include "narthex/service/upstream_health.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

namespace narthex::service {

bool UpstreamHealth::may_ask(const std::string& upstream) {
    counts_[upstream];
    return pauses_.may_ask(upstream, Clock::now());
}

void UpstreamHealth::answered(const std::string& upstream) {
    if (!pauses_.succeeded(upstream) || told_paused_.erase(upstream) == 0) return;
    log_info("event=upstream_back upstream={}", log_text(upstream));
}

void UpstreamHealth::failed(
    const std::string& upstream, Clock::time_point begun, const std::string& reason
) {
    ++counts_[upstream].failed;
    const bool first = pauses_.failed(upstream, begun, Clock::now());
    if (!first || !paused_log_[upstream].may_log()) return;
    told_paused_.insert(upstream);
    log_warn("event=upstream_paused upstream={} reason={}", log_text(upstream), log_text(reason));
}

void UpstreamHealth::refused(
    const std::string& upstream, const std::string& path, const std::string& reason
) {
    ++counts_[upstream].refused;
    if (!refused_log_[upstream].may_log()) return;
    log_warn(
        "event=upstream_refused upstream={} path={} reason={}",
        log_text(upstream),
        path,
        log_text(reason)
    );
}

std::map<std::string, UpstreamCounts> UpstreamHealth::counts() const {
    auto counts = counts_;
    for (auto& [upstream, each] : counts) each.paused = pauses_.paused(upstream);
    return counts;
}

}  // namespace narthex::service
