// What a primary does for its regions all the time, on a thread and a connection of its own: writes
// the heartbeat twice a second; asks them every five seconds whether another has become the
// primary, and turns into a fenced one if so. Where this isn't a primary it waits to become one.
// What may take longer is done by RegionUpkeep.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/region_status.hpp"
#include "narthex/service/instance_watch.hpp"
#include "narthex/service/log_limit.hpp"
#include "narthex/service/region_epochs.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace narthex::service {

struct PrimaryDutiesOptions {
    std::string uri;
    std::string user_agent;
    std::string ca_file = {};  // certificates that vouch for regions; empty: the system's do
};

class PrimaryDuties {
  public:
    // Lists the regions; a database that is away is tried again. `watch` outlives it.
    PrimaryDuties(PrimaryDutiesOptions options, const InstanceWatch& watch);
    ~PrimaryDuties();  // stop()
    PrimaryDuties(const PrimaryDuties&) = delete;
    PrimaryDuties& operator=(const PrimaryDuties&) = delete;

    // Begins to end the thread. Any thread.
    void stop();

    // False for a primary that has just started and hasn't asked its regions yet: within three
    // seconds it has, or they can't be reached. Any thread, no lock.
    [[nodiscard]] bool may_write() const { return may_write_; }

    // The regions of a primary, at most five seconds ago. Any thread.
    [[nodiscard]] std::vector<db::RegionStatus> regions() const;
    // Those that didn't say their epoch when they were asked last. Any thread.
    [[nodiscard]] std::size_t silent_regions() const { return epochs_.silent(); }

  private:
    using Clock = std::chrono::steady_clock;

    void run();
    void turn();
    void connect();
    void look_at_regions(Clock::time_point now);
    void fence_if_replaced();
    [[nodiscard]] bool is_primary() const;

    PrimaryDutiesOptions options_;
    const InstanceWatch& watch_;
    RegionEpochs epochs_;
    std::atomic<bool> may_write_ = false;

    // The thread's own.
    Clock::time_point started_at_ = Clock::now();
    Clock::time_point looked_at_{};
    LogLimit log_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<db::RegionStatus> regions_;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace narthex::service
