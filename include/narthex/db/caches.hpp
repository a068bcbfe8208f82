// The caches of a server. Functions take a transaction and never commit.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narthex::db {

// In the order of their ids; the default cache is the first.
[[nodiscard]] std::vector<Cache> list_caches(Tx& tx);

// The id, or absent when there is a cache of that name. Cache.id is not read.
[[nodiscard]] std::optional<int> insert_cache(Tx& tx, const Cache& cache);

// Sets everything but the name and the id, by name; false when there is no such cache.
[[nodiscard]] bool update_cache(Tx& tx, const Cache& cache);

struct CacheTotals {
    std::uint64_t narinfos;
    std::uint64_t nar_bytes;  // uncompressed
};
[[nodiscard]] CacheTotals cache_totals(Tx& tx, int cache);

}  // namespace narthex::db
