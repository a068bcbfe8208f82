// A region's part of the request counts: kept in a table of its own, and brought to the primary as
// absolute values. Functions take a transaction and never commit.
#pragma once

#include "narthex/db/request_counts.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace narthex::db {

// Adds to what is there, which is unsent again; of each path and day, one at most in `counts`.
void add_own_counts(Tx& tx, std::span<const RequestCount> counts);

// What the primary doesn't have yet, the oldest days first, `most` at most.
[[nodiscard]] std::vector<RequestCount> list_unsent_counts(Tx& tx, std::size_t most);
[[nodiscard]] std::size_t count_unsent_counts(Tx& tx);

// The primary has these, as they were listed. What was added to since stays unsent.
void mark_counts_sent(Tx& tx, std::span<const RequestCount> counts);

// Deletes what was sent and is of days more than `keep_days` ago, `most` at most; returns how many.
std::size_t delete_own_counts(Tx& tx, int keep_days, int most);

}  // namespace narthex::db
