// Which paths that its primary has hidden or purged a region goes on serving (`keep-purged-days`):
// those that it still has complete. Their NARs are in its directory, or have a place still, as they
// have until the purge; and so are those of their references, unless these are served. Only direct
// references are looked at: a purge goes from referrers to references, so a reference's days end
// later than those of whatever needs it, and the client asks for the reference next.
#pragma once

#include "narthex/core/path_key.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/db/instance.hpp"
#include "narthex/db/kept_narinfos.hpp"
#include "narthex/db/lookup_connection.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/kept_nars.hpp"

#include <span>
#include <string>
#include <vector>

namespace narthex::service {

// Only a full region: others have no archive of what was purged, and a primary obeys itself.
[[nodiscard]] bool may_keep_purged(const db::Instance& instance);

struct KeptPath {
    enum class Standing {
        unknown,     // nothing to go on serving: it isn't here, or is served
        incomplete,  // it is here, but not all that it needs
        complete
    };
    Standing standing = Standing::unknown;
    bool purged = false;  // else hidden
    std::string text;     // of a complete one, with all its signatures
};

// One for each of `keys`. Blocks on the database and on the disk; throws what db throws.
[[nodiscard]] std::vector<KeptPath> find_kept_paths(
    db::Tx& tx,
    const std::vector<Cache>& caches,
    const KeptNars& nars,
    std::span<const PathKey> keys,
    int days
);

// Which of `keys` are hidden, or were purged within `days`: the others are nothing to keep. Looks
// at no disk. The same of NARs that narinfos name which were purged.
[[nodiscard]] std::vector<bool> may_be_kept(db::Tx& tx, std::span<const PathKey> keys, int days);
[[nodiscard]] std::vector<bool> may_be_kept(
    db::Tx& tx, const std::vector<Cache>& caches, std::span<const db::NarKey> keys, int days
);

// Which of the NARs are in the directory and named by a narinfo that was purged within `days`:
// their files, empty for the others. The same.
[[nodiscard]] std::vector<std::string> find_kept_files(
    db::Tx& tx,
    const std::vector<Cache>& caches,
    const KeptNars& nars,
    std::span<const db::NarKey> keys,
    int days
);

}  // namespace narthex::service
