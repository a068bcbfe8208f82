// What a mark starts from: the paths of living roots, and those that a policy keeps beside them.
// Both keep what their paths reach.
#pragma once

#include "narthex/db/mark_reader.hpp"
#include "narthex/service/roots.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace narthex::service {

// Leased paths are kept always.
struct KeepPolicy {
    bool reference_free = true;
    bool content_addressed = true;
    std::int64_t min_age = std::int64_t{30} * 86400;           // seconds; 0: age keeps nothing
    std::int64_t requested_within = std::int64_t{90} * 86400;  // seconds; 0: requests neither
};

// A root, or a policy: "reference-free", "content-addressed", "young", "requested", "leased".
struct Keeper {
    bool is_root;
    std::string name;
    auto operator<=>(const Keeper&) const = default;
};

// Calls `take` with every seed of a cache and what makes it one, roots first, by their names;
// of `roots` those that live count. A path may come several times. Throws what db::MarkReader
// throws.
void for_each_seed(
    db::MarkReader& reader,
    int cache,
    const KeepPolicy& keep,
    std::span<const JudgedRoot> roots,
    const std::function<void(const Keeper&, int id)>& take
);

// The names of the policies that count.
[[nodiscard]] std::vector<std::string> policies_of(const KeepPolicy& keep);

// The ids of those that live.
[[nodiscard]] std::vector<int> living_ids(std::span<const JudgedRoot> roots);

}  // namespace narthex::service
