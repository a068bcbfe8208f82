// A path of one of a server's caches: what every table, queue and answer in memory is keyed by.
#pragma once

#include "narthex/core/store_path.hpp"

#include <cstdint>

namespace narthex {

struct PathKey {
    int cache;
    HashPart hash;

    auto operator<=>(const PathKey&) const = default;
};

// The first 12 bits of the hash part: what the database's notifications name
// (migrations/0001_schema.sql).
inline constexpr std::size_t k_buckets = 4096;
[[nodiscard]] inline std::size_t bucket_of(const HashPart& hash) {
    const auto bytes = hash.bytes();
    return static_cast<std::size_t>(bytes[0]) << 4 | bytes[1] >> 4;
}

}  // namespace narthex

template <>
struct std::hash<narthex::PathKey> {
    std::size_t operator()(const narthex::PathKey& key) const noexcept {
        return std::hash<narthex::HashPart>{}(key.hash) ^ static_cast<std::size_t>(key.cache);
    }
};
