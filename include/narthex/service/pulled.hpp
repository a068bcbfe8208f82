// Narinfos from upstreams in the database. Blocks; throws what db throws.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/narinfo.hpp"
#include "narthex/core/path_key.hpp"
#include "narthex/db/connection.hpp"

#include <set>
#include <span>
#include <string>
#include <vector>

namespace narthex::service {

// One that check_pulled() has passed.
struct PulledNarinfo {
    int cache;
    std::string upstream;  // where its NARs are, too
    Narinfo narinfo;
};

// Which of `keys` the operator has hidden: nobody is asked for those.
[[nodiscard]] std::set<PathKey> find_hidden(
    db::Connection& connection, std::span<const PathKey> keys
);

// Stores narinfos of distinct paths, as they are, in a transaction for each cache. What is there
// already stays.
void store_pulled(db::Connection& connection, std::span<const PulledNarinfo> pulled);

}  // namespace narthex::service
