// The row that a primary writes twice a second while it has regions, and that tells each of them
// how old what it has is. Functions take a transaction and never commit.
#pragma once

#include "narthex/db/connection.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace narthex::db {

struct Heartbeat {
    std::chrono::system_clock::time_point at;  // by the primary's clock
    std::uint64_t xid;                         // of the transaction that wrote it, there
    std::int64_t epoch;                        // the primary's
    int schema_version;                        // the primary's
};

// Absent where no primary has ever written one.
[[nodiscard]] std::optional<Heartbeat> read_heartbeat(Tx& tx);

// On the primary. Nothing happens where no region has joined, or somebody has written one within
// the last 400 milliseconds: several servers of one database write as often as one.
void write_heartbeat(Tx& tx);

}  // namespace narthex::db
