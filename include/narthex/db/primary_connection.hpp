// A region's connection to its primary's PostgreSQL: its clock, and what a region brings there
// (migrations/0008_regions.sql: region_report, region_count, region_fence). Each call has a limit,
// also where the other side has gone silent. All throw Unavailable or QueryFailed; replace it then.
// One thread at a time, but for interrupt().
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/heartbeats.hpp"
#include "narthex/db/request_counts.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace narthex::db {

struct RegionReport {
    std::int64_t epoch;
    int schema_version;
    std::optional<Heartbeat> applied;
    std::int64_t errors;
    std::string trouble;  // one line for people; empty: none
};

class PrimaryConnection {
  public:
    // `uri`: the subscription's. `limit`: for each call.
    PrimaryConnection(const std::string& uri, std::chrono::milliseconds limit);
    ~PrimaryConnection();
    PrimaryConnection(const PrimaryConnection&) = delete;
    PrimaryConnection& operator=(const PrimaryConnection&) = delete;

    [[nodiscard]] std::chrono::system_clock::time_point ask_clock();
    [[nodiscard]] int ask_schema_version();

    void report(const RegionReport& report);

    // Absolute values: sent twice, they count once.
    void send_counts(std::span<const RequestCount> counts);

    // Stops the primary's writes: `new_primary`, of `new_epoch`, has replaced it. Again: no change.
    void fence(std::int64_t new_epoch, const std::string& new_primary);

    // Makes a blocked call fail soon with Unavailable. Any thread.
    void interrupt() noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::db
