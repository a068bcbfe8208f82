// Why a path lives: the shortest chain of references to it from a seed; and what a root alone
// keeps. Both as of one moment.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/service/mark.hpp"
#include "narthex/service/plan_summary.hpp"
#include "narthex/service/seeds.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <vector>

namespace narthex::service {

struct WhyOptions {
    int cache;
    KeepPolicy keep;
    std::int64_t now;  // seconds since 1970
    MarkProgress progress;
    const std::atomic<bool>* stop = nullptr;
};

struct Reason {
    Keeper keeper;
    std::vector<int> chain;  // path ids, from the seed to the path, both included
};

// Absent when nothing keeps the path. Of several seeds as near, one of a root, by its name.
// The graph knows what a path refers to, not who refers to it, so each step of the chain is a pass
// over all of it: chains are short (what much depends on is near to a root), and a pass takes a
// bit a path, where the reverse of the graph would take four bytes a reference.
// Throws db::Stopped, and what db throws.
[[nodiscard]] std::optional<Reason> why_live(
    const std::string& database, const WhyOptions& options, int path
);

// Paths and bytes (NarSize) of narinfos that would be planned if this root were gone; absent when
// the cache has no root of that name. A root that doesn't live is taken as if it did. Throws as
// why_live.
[[nodiscard]] std::optional<Tally> exclusive_to(
    const std::string& database, const WhyOptions& options, const std::string& root
);

}  // namespace narthex::service
