// What a primary does for its regions that may take a while, on a thread and connections of its
// own: removes those that said goodbye, drops slots that nobody needs, and fences the primary that
// this one replaced without asking it. What fails is tried again, and keeps nothing else from being
// done; every wait has a limit. Where this isn't a primary it waits to become one.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/db/primary_connection.hpp"
#include "narthex/service/instance_watch.hpp"
#include "narthex/service/log_limit.hpp"
#include "narthex/service/slot_policy.hpp"

#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace narthex::service {

struct RegionUpkeepOptions {
    std::string uri;
    std::chrono::hours drop_after{72};  // of a slot that nobody uses; 0: never
};

class RegionUpkeep {
  public:
    // `watch` outlives it.
    RegionUpkeep(RegionUpkeepOptions options, const InstanceWatch& watch);
    ~RegionUpkeep();  // stop()
    RegionUpkeep(const RegionUpkeep&) = delete;
    RegionUpkeep& operator=(const RegionUpkeep&) = delete;

    // Begins to end the thread: at once, or when a connection that is being made is there or has
    // failed, within three seconds. Any thread.
    void stop();

  private:
    using Clock = std::chrono::steady_clock;

    struct Step {
        Result<void> (RegionUpkeep::*job)();
        std::string_view failed;  // the event's name
        std::chrono::seconds interval;
        Clock::time_point due{};
        LogLimit log{};
    };

    void run();
    void turn();
    void attempt(Step& step);
    void failed(Step& step, std::string_view reason);
    void connect();
    void connect_to(const std::string& old_primary);
    void disconnect();
    [[nodiscard]] bool stopping() const;

    Result<void> remove_left();
    Result<void> judge_slots();
    Result<void> fence_the_old();

    RegionUpkeepOptions options_;
    const InstanceWatch& watch_;
    SlotPolicy slots_;  // the thread's own, as the next
    std::array<Step, 3> steps_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::unique_ptr<db::Connection> here_;  // replaced under the mutex, as the next
    std::unique_ptr<db::PrimaryConnection> old_primary_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace narthex::service
