// Which slots of regions a primary drops: each keeps WAL for its region, and one that has gone for
// good would keep it until the disk is full (or max_slot_wal_keep_size is reached). `join` makes a
// fresh copy then. One thread at a time.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/region_status.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace narthex::service {

struct SlotQuestion {
    bool active;
    bool lost;                        // it has lost WAL that its region needs
    std::chrono::seconds unused_for;  // since its region was heard of
};

// Why a slot is dropped. Absent when it stays. `drop_after`: 0: never, unless it is lost.
[[nodiscard]] std::optional<std::string> why_dropped(
    const SlotQuestion& question, std::chrono::hours drop_after
);

class SlotPolicy {
  public:
    using Clock = std::chrono::steady_clock;

    // `patience`: regions get so long to come back after this was made: a primary that was away
    // itself has heard of nobody.
    explicit SlotPolicy(
        std::chrono::hours drop_after, std::chrono::seconds patience = std::chrono::minutes(10)
    );

    // Drops those of `regions` that are to be dropped, each with a line in the log and in the audit
    // log. Throws what db throws.
    void apply(
        db::Connection& connection,
        std::span<const db::RegionStatus> regions,
        Clock::time_point now,
        std::int64_t now_1970
    );

  private:
    [[nodiscard]] std::chrono::seconds unused_for(
        const db::RegionStatus& region, Clock::time_point now, std::int64_t now_1970
    ) const;

    std::chrono::hours drop_after_;
    std::chrono::seconds patience_;
    Clock::time_point since_ = Clock::now();
    std::map<std::string, Clock::time_point> active_at_;  // by slot: when it was seen in use
};

}  // namespace narthex::service
