// Purging what is hidden: narinfos go to an archive, files of NARs that nobody names any more are
// condemned and then unlinked (docs/decisions/0007-collecting.md). Functions take a transaction and
// never commit; which lock it holds is said by core/collect_rules.hpp.
#pragma once

#include "narthex/db/collecting.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

struct PurgeChunk {
    std::size_t narinfos;  // that were there, and are in the archive now
    std::uint64_t nar_size;
    std::size_t condemned;  // files
    std::size_t elsewhere;  // NARs that somebody else has to remove
    bool done;              // nothing is left of the plan that is hidden
    int last;               // path id, to go on before; nearly always referrers come first so
};
// The plan's paths before a path id that its batch still hides, at most `most`.
[[nodiscard]] PurgeChunk purge_chunk(Tx& tx, const Collection& collection, int before, int most);

// Those of these path ids that the plan's batch hides.
[[nodiscard]] std::vector<HashPart> list_hidden_among(
    Tx& tx, const Collection& collection, std::span<const int> ids
);

// Build logs of derivers that the plan's purged narinfos named and no narinfo names any more; how
// many. Reads all of both: on a session `work`.
[[nodiscard]] std::size_t delete_logs(Tx& tx, const Collection& collection);

struct CondemnedFile {
    int site = 0;
    std::string base;  // absolute, a local directory
    std::string path;  // below it
};
// Files that wait to be unlinked, after this one, in order.
[[nodiscard]] std::vector<CondemnedFile> list_condemned_files(
    Tx& tx, const CondemnedFile& after, int most
);
// Of the next `most` files after this one, those in which a NAR has come to be again stay.
void spare_placed_files(Tx& tx, const CondemnedFile& after, int most);

// Keys of purged NARs that aren't in files here, and that no NAR has come to be at again: after
// `after` (0: the first), by their numbers. `plan` 0: of all plans of the cache.
struct PurgedKey {
    std::int64_t number;
    std::string key;  // a URL; or, where no place was known, as the narinfo had it
};
[[nodiscard]] std::vector<PurgedKey> list_purged_keys(
    Tx& tx, int cache, int plan, std::int64_t after, int most
);

}  // namespace narthex::db
