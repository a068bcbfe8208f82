// Which instance of narthex the database is of, and whether it has all that its primary has, as
// DatabaseWatch reads it: joining, promotion and fencing need no restart of a server. Tells Epochs
// until when what the database lacks is absent.
#pragma once

#include "narthex/core/freshness.hpp"
#include "narthex/db/heartbeats.hpp"
#include "narthex/db/instance.hpp"
#include "narthex/service/database_watch.hpp"
#include "narthex/service/epochs.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

namespace narthex::service {

class InstanceWatch : public Watched {
  public:
    // `epochs` outlives it.
    explicit InstanceWatch(Epochs& epochs) : epochs_(epochs) {}

    void read(db::Connection& connection) override;

    // As it was read last; null before that. While the database is away the last one stands. Any
    // thread.
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

    void take(db::Instance instance, const std::optional<db::Heartbeat>& heartbeat);
    void judge();
    [[nodiscard]] AppliedHeartbeat applied() const;

    Epochs& epochs_;
    mutable std::mutex mutex_;  // held for moments
    std::shared_ptr<const db::Instance> instance_;
    std::optional<Seen> seen_;
    std::optional<ClockReading> reading_;
};

}  // namespace narthex::service
