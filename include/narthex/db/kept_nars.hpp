// What a region's own directory of NARs is compared with. Functions take a transaction and never
// commit.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/lookup_connection.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

struct PlacedNar {
    std::int64_t id;
    std::string cache;  // its name
    std::string url;    // as in nar_path
    NarFacts facts;
};

// NARs on the primary's disks with an id below `before`, newest first, at most `most`.
[[nodiscard]] std::vector<PlacedNar> list_placed_nars(Tx& tx, std::int64_t before, int most);

[[nodiscard]] bool has_nars(Tx& tx);

// Which of the NARs have a row, one bool for each: the n-th is `urls[n]` of the cache named
// `caches[n]`.
[[nodiscard]] std::vector<bool> are_named(
    Tx& tx, std::span<const std::string> caches, std::span<const std::string> urls
);

// The same of NARs that narinfos name which were purged within `days`.
[[nodiscard]] std::vector<bool> are_purged_lately(
    Tx& tx, std::span<const std::string> caches, std::span<const std::string> urls, int days
);

// Which of the NARs have a place, at the primary or elsewhere, one bool for each.
[[nodiscard]] std::vector<bool> are_placed(Tx& tx, std::span<const NarKey> nars);

}  // namespace narthex::db
