// How often paths were asked for, by day (UTC). Functions take a transaction and never commit.
#pragma once

#include "narthex/core/path_key.hpp"
#include "narthex/db/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace narthex::db {

struct RequestCount {
    PathKey key;
    int day;  // since 1970-01-01
    std::uint64_t served;
    std::uint64_t hidden;  // asked for while the operator had hidden it
};

// Adds to what is there; of each path and day, one at most in `counts`.
void add_request_counts(Tx& tx, std::span<const RequestCount> counts);

// Which of `keys` are hidden and have been asked for at least `requests` times since.
[[nodiscard]] std::vector<PathKey> find_missed(
    Tx& tx, std::span<const PathKey> keys, std::uint64_t requests
);

// Paths that are hidden and were asked for in regions while they were, today or yesterday; `most`
// at most.
[[nodiscard]] std::vector<PathKey> find_missed_in_regions(Tx& tx, int most);

// Deletes counts that are older than `keep_days`, `most` at most; returns how many.
std::size_t delete_request_counts(Tx& tx, int keep_days, int most);

}  // namespace narthex::db
