// Plans of what a collection would remove, as the database has them. Functions take a transaction
// and never commit. Times are seconds since 1970.
#pragma once

#include "narthex/core/bitmap.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// Its paths are stored before the plan, under this id.
[[nodiscard]] int draw_plan_id(Tx& tx);
void store_plan_paths(Tx& tx, int plan, const Bitmap& unreachable, const Bitmap& released);

struct NewPlan {
    int id;
    int cache;
    std::string created_by;
    std::string engine;
    std::string policy;  // JSON objects
    std::string summary;
    std::vector<int> roots;
};
// The transaction's snapshot is the plan's.
void store_plan(Tx& tx, const NewPlan& plan);

// Those of the cache that were never hidden and are older than this, in seconds. Their paths stay.
void forget_old_plans(Tx& tx, int cache, std::int64_t kept);

// Paths of plans that were forgotten, at most so many. Returns how many went.
std::size_t forget_plan_paths(Tx& tx, int most);

struct Plan {
    int id;
    int cache;
    std::int64_t created_at;
    std::string created_by;
    std::string engine;
    std::string policy;  // JSON objects
    std::string summary;
    std::string state;  // planned, hiding, hidden, restored, purging, purged
    std::optional<std::int64_t> hidden_at;
    std::optional<std::int64_t> restored_at;
    std::optional<std::int64_t> purged_at;
};
[[nodiscard]] std::optional<Plan> find_plan(Tx& tx, int id);
// The last ones of a cache, the newest first.
[[nodiscard]] std::vector<Plan> list_plans(Tx& tx, int cache, int most);

struct PlanPath {
    int id;
    HashPart hash;
    std::optional<std::string> name;  // absent: nothing knows it any more
    bool released;                    // else unreachable
    std::optional<std::uint64_t> nar_size;
    std::optional<std::uint64_t> file_size;  // absent: of no NAR it is known
    std::optional<std::int64_t> first_seen;
    std::uint64_t requested;  // how often, as long as counts are kept
};
// The next paths after a path id (0: the first), by id.
[[nodiscard]] std::vector<PlanPath> list_plan_paths(Tx& tx, const Plan& plan, int after, int most);

// What is known of a path that the cache has named.
struct Fate {
    int id;
    std::optional<std::string> name;  // of its narinfo
    bool hidden;
    struct InPlan {
        int id;
        std::string state;
        bool released;
        std::optional<std::int64_t> hidden_at;
    };
    std::optional<InPlan> plan;  // the last one that has it
    std::optional<std::int64_t> purged_at;
    std::optional<std::string> purged_name;
};
[[nodiscard]] std::optional<Fate> find_fate(Tx& tx, int cache, const HashPart& hash);

struct PathName {
    HashPart hash;
    std::optional<std::string> name;  // of its narinfo
};
// In the order of the ids, one for each.
[[nodiscard]] std::vector<PathName> list_path_names(Tx& tx, std::span<const int> ids);

struct ClosureSizes {
    std::uint64_t paths;    // 0: nobody has named the path
    std::uint64_t missing;  // of those, without a narinfo
    std::uint64_t nar_size;
    std::uint64_t file_size;  // of NARs whose size is known, each once
};
[[nodiscard]] ClosureSizes closure_sizes(Tx& tx, int cache, const HashPart& hash);

}  // namespace narthex::db
