// How a region is, as it sees it itself.
#pragma once

#include "narthex/db/instance.hpp"
#include "narthex/db/primary.hpp"
#include "narthex/db/subscription.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narthex::service {

struct RegionStatus {
    db::Instance instance;
    std::optional<db::Subscription> subscription;
    std::vector<db::TableState> tables;
    std::string primary_address;             // of its PostgreSQL; empty: no subscription
    std::optional<std::string> unreachable;  // why the primary can't be asked
    std::optional<db::Primary> primary;      // as it answered
    std::optional<double> heartbeat_age;     // seconds, by the primary's clock; else by this one's
    int schema_version = 0;                  // of the region
    // That began at the primary since the heartbeat that was applied last.
    std::optional<std::int64_t> behind_transactions;
};

// Asks the primary, too, for some seconds at most. Throws what db throws of the own database.
[[nodiscard]] RegionStatus read_region_status(const std::string& database);

}  // namespace narthex::service
