// What a region asks of its primary's PostgreSQL, over a connection as narthex_region_NAME.
// Functions take a transaction and never commit; slots are made and dropped at once, whatever
// becomes of it. They throw what Connection does; QueryFailed 42P01 and 42501 mean that there is no
// primary there.
#pragma once

#include "narthex/core/token.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/db/instance.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace narthex::db {

struct Subscription;

struct Primary {
    int version;  // 150020
    std::string wal_level;
    std::string id;
    InstanceRole role;
    std::int64_t epoch;
    std::optional<std::string> url;
    int schema_version;
    // The region that asks; absent: whoever asks is none.
    std::optional<std::string> region;
    std::optional<std::string> joined_instance;
    bool left;
    // Of its slot; absent: there is none.
    std::optional<bool> slot_active;
    std::optional<std::string> slot_status;    // of its WAL: reserved, extended, unreserved, lost
    std::optional<std::int64_t> behind_bytes;  // of WAL that the region hasn't confirmed
    std::optional<std::int64_t> held_bytes;    // of WAL that are kept for it
    std::int64_t next_xid;                     // of the transaction that begins there next
};
[[nodiscard]] Primary read_primary(Tx& tx);

struct Acceptance {
    std::string instance;            // a UUID
    std::int64_t system_identifier;  // of its PostgreSQL
    std::int64_t subscription;       // there
    std::string kind;
    std::string url;       // may be empty
    std::string verifier;  // of the lasting password
    TokenHash token;
};
void accept_region(Tx& tx, const Acceptance& acceptance);

void create_region_slot(Tx& tx);

// Drops its slot and those with which `subscription` copied tables. False: one is still in use.
[[nodiscard]] bool try_drop_own_slots(Tx& tx, const Subscription& subscription);

// Whether the region has all that was written until `position` (a WAL position).
[[nodiscard]] bool is_slot_past(Tx& tx, const std::string& position);

void leave_region(Tx& tx);

// The WAL position after which the primary writes nothing.
[[nodiscard]] std::string fence_primary(
    Tx& tx, std::int64_t new_epoch, const std::string& new_primary
);

struct TableSize {
    std::int64_t rows;  // about
    std::int64_t bytes;
};
// Of the tables that are published to a kind of region, by name.
[[nodiscard]] std::map<std::string, TableSize> table_sizes(Tx& tx, const std::string& kind);

// Of a kind of region.
[[nodiscard]] std::vector<std::string> publications_of(const std::string& kind);

}  // namespace narthex::db
