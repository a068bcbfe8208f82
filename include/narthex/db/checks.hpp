// What a check of a cache reads: narinfos in stretches of hash parts, and what all tables say of
// them. Functions take a transaction and never commit.
#pragma once

#include "narthex/core/hash.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// Hash parts after `after` (absent: from the first on), in order, at most `most`.
[[nodiscard]] std::vector<HashPart> list_hash_parts(
    Tx& tx, int cache, const std::optional<HashPart>& after, std::size_t most
);

// For each of `from` the first that the cache has from it on, without duplicates: a random sample
// where `from` is random.
[[nodiscard]] std::vector<HashPart> sample_hash_parts(
    Tx& tx, int cache, std::span<const HashPart> from
);

struct CheckedNarinfo {
    HashPart hash;
    std::string name;
    std::string text;  // as it is served, with the lines added later
    Sha256 nar_hash;
    std::uint64_t nar_size;
    bool hidden;
    std::optional<std::vector<HashPart>> references;  // the graph's; absent without a row
};
// In any order; those that have gone are left out.
[[nodiscard]] std::vector<CheckedNarinfo> check_narinfos(
    Tx& tx, int cache, std::span<const HashPart> hashes
);

struct MissingReference {
    HashPart referrer;
    HashPart reference;  // isn't served
};
// By referrer, in the order of its References line.
[[nodiscard]] std::vector<MissingReference> find_missing_references(
    Tx& tx, int cache, std::span<const HashPart> hashes
);

struct CheckedNar {
    std::optional<HashPart> named_by;  // absent: no narinfo names it
    std::int64_t id;
    std::string url;
    std::optional<Sha256> file_hash;
    std::optional<std::uint64_t> file_size;
    std::optional<int> site;          // where it is
    std::optional<std::string> file;  // absolute; absent when the site is no local directory
};
// A row for each place of each NAR, by narinfo and NAR; one without a place for those that have
// none.
[[nodiscard]] std::vector<CheckedNar> list_nars_of(
    Tx& tx, int cache, std::span<const HashPart> hashes
);
// The same of NARs that no narinfo names, with an id over `after`, by id; at most `most` NARs.
[[nodiscard]] std::vector<CheckedNar> list_unnamed_nars(
    Tx& tx, int cache, std::int64_t after, std::size_t most
);

// A file that isn't there is no place of its NAR any more.
void forget_nar_location(Tx& tx, std::int64_t nar, int site);
// True when there was such a row, which nothing needs: no narinfo names the NAR and it has no
// place.
[[nodiscard]] bool forget_unnamed_nar(Tx& tx, std::int64_t nar);

}  // namespace narthex::db
