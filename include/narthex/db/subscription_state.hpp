// How a region's subscription is, as its own database says. Functions take a transaction and never
// commit.
#pragma once

#include "narthex/db/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace narthex::db {

struct SubscriptionState {
    bool enabled;           // false: somebody switched it off, or was killed while it left
    bool applying;          // its apply worker runs
    std::int64_t errors;    // since it was made
    std::size_t not_ready;  // tables whose first copy isn't complete
};

// Absent when there is none.
[[nodiscard]] std::optional<SubscriptionState> subscription_state(Tx& tx);

// The newest migration that the database has had.
[[nodiscard]] int schema_version(Tx& tx);

}  // namespace narthex::db
