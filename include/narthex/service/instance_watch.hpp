// Which instance of narthex the database is of, and whether it has all that its primary has: read
// four times a second, on a thread and a connection of its own, so that joining, promotion and
// fencing need no restart of a server. Tells Epochs until when what the database lacks is absent.
#pragma once

#include "narthex/core/freshness.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/db/heartbeats.hpp"
#include "narthex/db/instance.hpp"
#include "narthex/service/epochs.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace narthex::service {

class InstanceWatch {
  public:
    // Reads the row; throws what db throws. `epochs` outlives it.
    InstanceWatch(std::string uri, Epochs& epochs);
    ~InstanceWatch();
    InstanceWatch(const InstanceWatch&) = delete;
    InstanceWatch& operator=(const InstanceWatch&) = delete;

    // As it was read last; never null. While the database is away the last one stands. Any thread.
    [[nodiscard]] std::shared_ptr<const db::Instance> instance() const;

    // Whether what the database lacks is absent: always on a primary; on a region while the newest
    // heartbeat that it has applied is under two seconds old (core/freshness.hpp); never where a
    // copy isn't complete yet, nor on a primary that another has replaced. Any thread, no lock.
    [[nodiscard]] bool up_to_date() const { return epochs_.absences_count(Epochs::Clock::now()); }

    // Whether it may answer at all: not while a region's first copy isn't complete, since a part of
    // it would be wrong. Any thread.
    [[nodiscard]] bool serves() const;

    // What the uplink has seen of the primary's clock: it said `said`, somewhen after `asked`. Any
    // thread.
    void saw_clock(Epochs::Clock::time_point asked, std::chrono::system_clock::time_point said);
    // There is another primary. Any thread.
    void forget_clock();

    // The heartbeat that was applied last. Absent where there never was one. Any thread.
    [[nodiscard]] std::optional<db::Heartbeat> heartbeat() const;

    // How old that is at most. Absent where it isn't known: not on a region, or its primary's clock
    // was never asked. Any thread.
    [[nodiscard]] std::optional<std::chrono::milliseconds> heartbeat_age() const;

  private:
    struct Seen {
        db::Heartbeat heartbeat;
        Epochs::Clock::time_point at;  // first
    };

    void run();
    void refresh();
    void take(db::Instance instance, const std::optional<db::Heartbeat>& heartbeat);
    void judge();
    [[nodiscard]] AppliedHeartbeat applied() const;

    std::string uri_;
    Epochs& epochs_;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    mutable std::mutex mutex_;                    // held for moments
    std::condition_variable wake_;
    std::shared_ptr<const db::Instance> instance_;  // never null
    std::optional<Seen> seen_;
    std::optional<ClockReading> reading_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace narthex::service
