// What has become of fetches, by upstream: which are paused (and a line in the log when that
// begins and ends, at most once a minute), and how many came to what. One thread at a time.
#pragma once

#include "narthex/service/log_limit.hpp"
#include "narthex/service/upstream_pauses.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace narthex::service {

struct UpstreamCounts {
    std::uint64_t found = 0;
    std::uint64_t absent = 0;
    std::uint64_t failed = 0;   // it is away, too slow or broken
    std::uint64_t refused = 0;  // it gave what can't be trusted
    bool paused = false;
};

class UpstreamHealth {
  public:
    using Clock = std::chrono::steady_clock;

    // See UpstreamPauses. When true, answered() or failed() follows.
    [[nodiscard]] bool may_ask(const std::string& upstream);
    void answered(const std::string& upstream);
    // `begun`: when the fetch was.
    void failed(const std::string& upstream, Clock::time_point begun, const std::string& reason);

    // What came of an answer.
    void found(const std::string& upstream) { ++counts_[upstream].found; }
    void absent(const std::string& upstream) { ++counts_[upstream].absent; }
    // `reason`: the end of a sentence about the path that was asked for.
    void refused(const std::string& upstream, const std::string& path, const std::string& reason);

    // By upstream: those that were ever asked.
    [[nodiscard]] std::map<std::string, UpstreamCounts> counts() const;

  private:
    UpstreamPauses pauses_;
    std::map<std::string, UpstreamCounts> counts_;
    std::set<std::string> told_paused_;           // by the log: their return is told, too
    std::map<std::string, LogLimit> paused_log_;  // each upstream's
    std::map<std::string, LogLimit> refused_log_;
};

}  // namespace narthex::service
