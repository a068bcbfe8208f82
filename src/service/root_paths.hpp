// What roots lead to, a part at a time: a root may have millions of paths. Layer service's own.
#pragma once

#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace narthex::service {

// The ids of these paths (by hash part, each once), ascending; made for those that have none.
[[nodiscard]] std::vector<int> path_ids_of(db::Tx& tx, int cache, std::span<const BaseName> paths);

// Takes what these roots lead to out of hide batches, but for what has been purged in part. How
// many paths that were. The caller shares publishing.
std::size_t rescue_roots(db::Tx& tx, int cache, std::span<const int> roots);
// The same for what has a name that the pattern (core/glob.hpp) matches.
std::size_t rescue_matching(db::Tx& tx, int cache, const std::string& pattern);

struct Missing {
    std::size_t count = 0;
    std::vector<BaseName> examples;  // the first ones
};
// Those of `paths` that the cache doesn't serve.
[[nodiscard]] Missing find_missing(db::Tx& tx, int cache, std::span<const BaseName> paths);

}  // namespace narthex::service
