// Narinfos and NARs as the database has them. Functions take a transaction and never commit.
#pragma once

#include "narthex/core/narinfo.hpp"
#include "narthex/core/path_key.hpp"
#include "narthex/db/connection.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// The id of a directory of NARs (absolute path), made when it is new.
[[nodiscard]] int find_or_insert_nar_directory(Tx& tx, const std::string& directory);
// The same of another server that has NARs (its URL, without a slash at the end).
[[nodiscard]] int find_or_insert_nar_server(Tx& tx, const std::string& url);

// Where one file of a narinfo lies.
struct NarPlace {
    int site;
    std::string path;  // below the site's base
};

struct StoredNarinfo {
    const Narinfo* narinfo;
    std::vector<std::optional<NarPlace>> places;  // one for each of narinfo->files()
};

enum class Fate {
    added,
    present,   // the cache had it; nothing changed but a place of its NAR
    conflict,  // the cache has the hash with another name or NAR; nothing changed
};

struct StoreReport {
    std::vector<Fate> fates;        // one for each narinfo
    std::vector<int> added_ids;     // path ids of the added ones
    std::vector<int> dangling_ids;  // paths they refer to that have no narinfo yet
};

// Stores a batch: narinfos with distinct hash parts, in any order.
[[nodiscard]] StoreReport store_narinfos(Tx& tx, int cache, std::span<const StoredNarinfo> batch);

// Which of `keys` are hidden now, by their place, in any order.
[[nodiscard]] std::vector<std::size_t> find_hidden(Tx& tx, std::span<const PathKey> keys);

// Of these path ids, those that have no narinfo, by hash part.
[[nodiscard]] std::vector<HashPart> find_dangling(Tx& tx, std::span<const int> path_ids);

}  // namespace narthex::db
