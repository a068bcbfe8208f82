// What a region still has of paths that its primary has hidden or purged. Functions take a
// transaction and never commit.
#pragma once

#include "narthex/core/path_key.hpp"
#include "narthex/db/connection.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

enum class KeptState { served, hidden, purged };

struct KeptNarinfo {
    std::size_t asked;  // index into the keys
    KeptState state;
    std::string text;  // as it was served last; empty for one that is served
};

// Those of the paths that are served, hidden, or were purged within `days`.
[[nodiscard]] std::vector<KeptNarinfo> find_kept_narinfos(
    Tx& tx, std::span<const PathKey> keys, int days
);

}  // namespace narthex::db
