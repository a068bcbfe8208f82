#include "narthex/service/upstream_misses.hpp"

namespace narthex::service {

bool UpstreamMisses::holds(const PathKey& key, Time now) const {
    const auto at = until_.find(key);
    return at != until_.end() && now < at->second;
}

void UpstreamMisses::add(const PathKey& key, Time now) {
    const auto until = now + keep_;
    until_[key] = until;
    ages_.emplace_back(key, until);
    while (ages_.size() > most_ || (!ages_.empty() && ages_.front().second <= now)) drop_oldest();
}

void UpstreamMisses::drop_oldest() {
    const auto [key, until] = ages_.front();
    ages_.pop_front();
    // It may have been added again since.
    const auto at = until_.find(key);
    if (at != until_.end() && at->second == until) until_.erase(at);
}

void UpstreamMisses::clear() {
    until_.clear();
    ages_.clear();
}

}  // namespace narthex::service
