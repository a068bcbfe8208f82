// The regions of a primary and how they are: what invited them wrote down, what they said of
// themselves, and their slots. Functions take a transaction and never commit.
#pragma once

#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narthex::db {

// Times are seconds since 1970.
struct RegionStatus {
    std::string name;
    std::string login;                // and the name of its slot
    std::optional<std::string> kind;  // absent until it has joined
    std::optional<std::string> url;
    std::int64_t invite_until;
    std::optional<std::int64_t> joined_at;
    std::optional<std::int64_t> left_at;

    struct Report {
        std::int64_t at;
        std::int64_t epoch;
        int schema_version;
        std::optional<double> seconds_behind;  // since it applied a heartbeat was written
        std::optional<std::int64_t> transactions_behind;  // that began since
        std::int64_t errors;
        std::string trouble;  // empty: none
    };
    std::optional<Report> report;

    struct Slot {
        bool active;
        std::string wal_status;   // reserved, extended, unreserved, lost
        std::int64_t lag_bytes;   // that it hasn't confirmed
        std::int64_t held_bytes;  // of WAL that are kept for it; what is lost isn't
    };
    std::optional<Slot> slot;
};

// By name.
[[nodiscard]] std::vector<RegionStatus> list_region_status(Tx& tx);

// False when it wasn't there, or somebody uses it.
bool drop_idle_slot(Tx& tx, const std::string& slot);

// Makes this instance, a primary, one that `new_primary` has replaced. False when it isn't a
// primary of an older epoch any more.
bool fence(Tx& tx, std::int64_t epoch, const std::string& new_primary);

}  // namespace narthex::db
