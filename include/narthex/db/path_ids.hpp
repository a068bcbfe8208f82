// The dense ids of paths (docs/schema.md, "Ids"). Functions take a transaction and never commit.
#pragma once

#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"

#include <optional>
#include <span>
#include <vector>

namespace narthex::db {

struct KnownPath {
    int id;
    bool has_narinfo;
};

// The ids of distinct paths, in their order, drawn in that order for those that have none. Who asks
// for more than a hundred waits for its turn, which ends with the transaction.
[[nodiscard]] std::vector<KnownPath> assign_path_ids(
    Tx& tx, int cache, std::span<const HashPart> paths
);

// The ids of those paths that have one; absent for others.
[[nodiscard]] std::vector<std::optional<int>> find_path_ids(
    Tx& tx, int cache, std::span<const HashPart> paths
);

}  // namespace narthex::db
