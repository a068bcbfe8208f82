// A region's first copy of its primary: how far it is, and when it is complete.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/db/primary.hpp"
#include "narthex/db/subscription.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace narthex::service {

struct CopyProgress {
    std::size_t tables_done;
    std::size_t tables;
    std::uint64_t rows;
    std::uint64_t bytes;  // as the primary keeps them; about, as the next
    std::uint64_t total_bytes;
};

struct CopyOptions {
    std::map<std::string, db::TableSize> sizes;         // at the primary
    std::function<void(const CopyProgress&)> progress;  // some times a second
    const std::atomic<bool>* stop;                      // ends it soon
};

// Returns when all tables are copied and follow; an error when PostgreSQL fails again and again
// without getting on. `local` is the region's own database. Throws what db throws.
[[nodiscard]] Result<void> await_copy(db::Connection& local, const CopyOptions& options);

// Returns when the region has applied all that was written at the primary until `position`; an
// error past `limit`. `primary`: a connection as the region.
[[nodiscard]] Result<void> await_applied(
    db::Connection& primary,
    const std::string& position,
    std::chrono::seconds limit,
    const std::atomic<bool>* stop
);

// Drops a region's slots at its primary, as soon as nobody uses them: its subscription has to be
// off or gone. False past `limit`. `primary`: a connection as the region.
[[nodiscard]] bool drop_own_slots(
    db::Connection& primary, const db::Subscription& subscription, std::chrono::seconds limit
);

}  // namespace narthex::service
