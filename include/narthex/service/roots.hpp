// Which roots live now. A bump does by its channel's rule (core/retention.hpp), what is never to be
// deleted always, the others until they expire. Times are seconds since 1970.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/roots.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace narthex::service {

struct JudgedRoot {
    db::Root root;
    bool lives;
    std::string channel;  // its name, of a bump
    std::string why;  // "expired 2026-11-24T19:42:59Z", "kept: among the last ones"; may be empty
    std::size_t missing = 0;  // of its paths: how many the cache doesn't serve; see count_missing
};
// Every root of a cache, by name.
[[nodiscard]] std::vector<JudgedRoot> judge_roots(db::Tx& tx, int cache, std::int64_t now);

// Fills `missing` in.
void count_missing(db::Tx& tx, std::span<JudgedRoot> roots);

// The ids of those that live, ascending; db::load_roots has their paths.
[[nodiscard]] std::vector<int> living_roots(db::Tx& tx, int cache, std::int64_t now);

}  // namespace narthex::service
