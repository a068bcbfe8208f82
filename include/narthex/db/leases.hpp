// Leases: paths that a publisher was told are there, which therefore stay for a while
// (docs/decisions/0007-collecting.md). Functions take a transaction and never commit.
#pragma once

#include "narthex/core/path_key.hpp"
#include "narthex/db/connection.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

namespace narthex::db {

enum class Presence { served, absent, hidden };

// What there is of `keys`, which are distinct; of each that is served, one for each. Those are
// leased for `hours` from now and out of all batches that aren't active yet, once this is
// committed. Shares the publishing lock, so it comes first in its transaction.
[[nodiscard]] std::vector<Presence> lease_paths(
    Tx& tx, std::span<const PathKey> keys, std::chrono::hours hours
);

// Deletes leases that have ended, `most` at most; returns how many.
std::size_t delete_ended_leases(Tx& tx, int most);

}  // namespace narthex::db
