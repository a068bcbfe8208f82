// Which upstreams are left alone for now. One that failed rests for a pause that doubles with each
// further failure; when it is over, a single fetch goes there as a probe, and the others go on
// doing without. So an upstream that is down costs one time limit, not one a request. One thread
// at a time; time is a parameter.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace narthex::service {

class UpstreamPauses {
  public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::seconds k_first_pause{1};
    static constexpr std::chrono::seconds k_longest_pause{60};

    // Whether a fetch may go to `upstream` now. Whoever is told true says how it went, by one of
    // the next two: it may be the probe that all others wait for.
    [[nodiscard]] bool may_ask(const std::string& upstream, Time now);

    // It answered. True when it was paused until now.
    bool succeeded(const std::string& upstream);

    // A fetch that was begun at `begun` failed. True when this begins its pauses. Fetches that were
    // under way when the pause began fail with it and make it no longer.
    bool failed(const std::string& upstream, Time begun, Time now);

    // It failed, and hasn't answered since.
    [[nodiscard]] bool paused(const std::string& upstream) const;

  private:
    struct Pause {
        int failures = 0;
        Time until;
        bool probing = false;
    };
    std::map<std::string, Pause> pauses_;  // of those alone that failed
};

}  // namespace narthex::service
