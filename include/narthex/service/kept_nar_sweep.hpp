// Removes from a region's directory the NARs that no row names any more, once they are a day old,
// and what killed servers left. A full region that keeps longer than its primary keeps those of
// narinfos that were purged within its days. A thread of its own, once an hour; nothing is removed
// while a copy isn't complete. What fails is tried again at the next turn.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/service/instance_now.hpp"
#include "narthex/service/kept_nars.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace narthex::service {

// One turn; how many went. Files younger than `age` stay, those of narinfos that were purged within
// `keep_days`, and all where there is no row at all: that is a database of something else. Ends
// soon when `stopping` comes true. Throws what db throws, and std::filesystem_error.
std::size_t sweep_kept_nars(
    db::Connection& connection,
    const KeptNars& kept,
    std::chrono::seconds age,
    int keep_days,
    const std::atomic<bool>& stopping
);

class KeptNarSweep {
  public:
    // `kept` outlives it.
    KeptNarSweep(std::string uri, const KeptNars& kept, int keep_days, InstanceNow instance);
    ~KeptNarSweep();
    KeptNarSweep(const KeptNarSweep&) = delete;
    KeptNarSweep& operator=(const KeptNarSweep&) = delete;

  private:
    void run();
    void sweep();

    std::string uri_;
    const KeptNars& kept_;
    int keep_days_;
    InstanceNow instance_;
    std::mutex mutex_;
    std::condition_variable stop_;
    std::atomic<bool> stopping_ = false;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    std::thread thread_;
};

}  // namespace narthex::service
