// Tags of paths. Functions take a transaction and never commit.
#pragma once

#include "narthex/core/hash.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/core/tag.hpp"
#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// Keeps paths where they are until the end of the transaction; in a statement of its own, before
// anything is read. store_narinfos does it by itself.
void lock_publishing(Tx& tx);

// Every path gets every tag; the caller has lock_publishing. How many tags of paths are new.
std::size_t add_tags(Tx& tx, int cache, std::span<const HashPart> paths, std::span<const Tag> tags);

// How many of the paths had it.
std::size_t remove_tag(Tx& tx, int cache, std::span<const HashPart> paths, const Tag& tag);

struct TagCount {
    Tag tag;
    std::uint64_t paths;
};
// Of a cache, in the order of keys and values.
[[nodiscard]] std::vector<TagCount> count_tags(Tx& tx, int cache);

struct ListedPath {
    BaseName base;
    Sha256 nar_hash;
    std::uint64_t nar_size;   // bytes
    std::int64_t first_seen;  // seconds since 1970
};
// The next `most` paths that have the tag, in the order of their hash parts, after `after`.
[[nodiscard]] std::vector<ListedPath> list_tagged(
    Tx& tx, int cache, const Tag& tag, const std::optional<HashPart>& after, int most
);

// Of `paths`, those that the cache has, hidden ones too; in no order.
[[nodiscard]] std::vector<HashPart> find_known(Tx& tx, int cache, std::span<const HashPart> paths);

}  // namespace narthex::db
