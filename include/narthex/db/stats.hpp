// What is in a cache, for `narthex stats`. Each function reads the cache's rows from first to last:
// seconds for millions. Functions take a transaction and never commit.
#pragma once

#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narthex::db {

struct CacheStats {
    std::uint64_t narinfos;
    std::uint64_t hidden;              // of those
    std::uint64_t nar_bytes;           // uncompressed
    std::uint64_t text_bytes;          // of narinfos
    std::optional<std::string> first;  // when the oldest and the newest came, RFC 3339, UTC
    std::optional<std::string> last;
};
[[nodiscard]] CacheStats cache_stats(Tx& tx, int cache);

struct CompressionStats {
    std::string compression;
    std::uint64_t nars;
    std::uint64_t file_bytes;  // of those whose size is known
    std::uint64_t stored;      // NARs with a place
};
// The most frequent first.
[[nodiscard]] std::vector<CompressionStats> compression_stats(Tx& tx, int cache);

struct NotablePath {
    BaseName base;
    std::uint64_t nar_size;
    std::string first_seen;  // RFC 3339, UTC
};
[[nodiscard]] std::vector<NotablePath> largest_paths(Tx& tx, int cache, int count);
[[nodiscard]] std::vector<NotablePath> newest_paths(Tx& tx, int cache, int count);

struct RequestedPath {
    BaseName base;
    std::uint64_t served;
    std::uint64_t hidden;  // asked for while it was hidden
};
// The `count` that were asked for most in the last `days`, today (UTC) included.
[[nodiscard]] std::vector<RequestedPath> requested_paths(Tx& tx, int cache, int days, int count);

struct UnusedStats {
    std::uint64_t paths;
    std::uint64_t nar_bytes;                   // uncompressed
    std::optional<std::string> counted_since;  // a day; absent: never
};
// Of what is served and wasn't asked for in the last `days`, today (UTC) included.
[[nodiscard]] UnusedStats unused_stats(Tx& tx, int cache, int days);
// The same paths, `count` at most, after `after` (absent: from the first), by their hash parts.
[[nodiscard]] std::vector<NotablePath> unused_paths(
    Tx& tx, int cache, int days, const std::optional<HashPart>& after, int count
);

}  // namespace narthex::db
