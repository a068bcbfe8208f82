// Hiding and restoring plans, as the database has them: docs/decisions/0007-collecting.md.
// Functions take a transaction and never commit; which lock it holds is said by
// core/collect_rules.hpp. Times are the database's, in seconds since 1970.
#pragma once

#include "narthex/core/collect_rules.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// Two collectors of a database are kept apart, for as long as the connection lives: false when
// there is another. The connection bears the name of the command from now on.
[[nodiscard]] bool try_lock_collector(Tx& tx, const std::string& command);
// Who has it: "narthex of user wulf, since 2026-11-24T19:42:59Z"; empty when it has just ended.
[[nodiscard]] std::string collector_holder(Tx& tx);

// Waits until nobody shares the publishing lock, and keeps it alone.
void lock_collecting(Tx& tx);

// How far a plan has come.
struct Collection {
    int plan;
    int cache;
    PlanState state;
    std::optional<int> batch;
    std::string created_by;
    std::int64_t created_at;
    std::optional<std::int64_t> hidden_at;
    std::optional<std::int64_t> restored_at;
    std::optional<std::int64_t> purged_at;
    std::uint64_t paths;  // of the plan
    std::uint64_t nar_size;
    std::int64_t requested_within;  // seconds, as its policy has it; 0: requests keep nothing
    std::int64_t now;
};
[[nodiscard]] std::optional<Collection> find_collection(Tx& tx, int plan);
// Of a cache, in the order in which they were hidden, those that never were at the end.
[[nodiscard]] std::vector<Collection> list_collections(Tx& tx, int cache);
[[nodiscard]] std::vector<Objection> list_objections(Tx& tx, int plan);
void set_plan_state(Tx& tx, int plan, PlanState state);  // and when, where that is noted

// --- hiding ---

// The plan's hide batch, which has no effect; made where there is none.
[[nodiscard]] int begin_hiding(Tx& tx, int plan);

struct HideChunk {
    std::size_t looked_at;  // 0: all is done
    std::size_t written;
    int last;  // path id, to go on after
};
// Rows of the plan's paths after a path id, at most `most`. Paths without a narinfo are left out.
[[nodiscard]] HideChunk write_hidden(Tx& tx, int plan, int batch, int after, std::size_t most);

// Path ids of what became wanted since the plan's snapshot, in any order: published, restored,
// asked for (where its policy minds that) or leased; and the plan's own paths that have lost their
// rows, since somebody wanted them for a while.
[[nodiscard]] std::vector<int> list_wanted_since(Tx& tx, const Collection& collection);
// Path ids that are leased now.
[[nodiscard]] std::vector<int> list_leased(Tx& tx, int cache);
// The ids of roots that the plan counted, ascending.
[[nodiscard]] std::vector<int> counted_roots(Tx& tx, int plan);
// Path ids of narinfos whose names a regular expression matches.
[[nodiscard]] std::vector<int> list_paths_named(Tx& tx, int cache, const std::string& regex);

// Says that the buckets of the batch's paths, up to `end` (at most k_buckets), have changed; those
// below what was announced before aren't said again. 0 begins anew, without a word.
void announce_batch(Tx& tx, int batch, std::size_t end);

// Takes out of the batch what these paths refer to, and so on, within the plan. Returns how many.
[[nodiscard]] std::size_t take_out(
    Tx& tx, const Collection& collection, std::span<const int> wanted
);

// Every path of the batch is hidden from the commit on.
void activate_batch(Tx& tx, const Collection& collection);

// --- regions ---

[[nodiscard]] std::string current_wal_position(Tx& tx);
struct LaggingSlot {
    std::string name;
    std::uint64_t bytes;  // behind
};
// Logical replication slots of this database that haven't confirmed what was written until then.
[[nodiscard]] std::vector<LaggingSlot> list_lagging_slots(Tx& tx, const std::string& position);
// Those that joined, and get nothing since their slots are gone: they serve what they had then.
[[nodiscard]] std::vector<std::string> list_cut_off_regions(Tx& tx);

// --- restoring ---

// Of all that the batch's paths reach, themselves included, what other batches have.
[[nodiscard]] std::vector<HashPart> list_reached_elsewhere(Tx& tx, const Collection& collection);
// References of the batch's paths that were purged after it was hidden, at most `most`.
[[nodiscard]] std::vector<HashPart> list_purged_references(
    Tx& tx, const Collection& collection, int most
);
// Every path of the batch is served from the commit on, unless another one hides it.
void deactivate_batch(Tx& tx, const Collection& collection);
// Of a batch without effect. Returns how many, at most `most`.
[[nodiscard]] std::size_t forget_hidden(Tx& tx, int batch, std::size_t most);

// --- status ---

[[nodiscard]] std::uint64_t count_hidden(Tx& tx, int batch);  // rows that are left
struct MissedPath {
    HashPart hash;
    std::string name;
    std::uint64_t times;  // asked for while hidden
};
// The most missed of the paths that are hidden now.
[[nodiscard]] std::vector<MissedPath> list_missed(Tx& tx, int cache, int most);
[[nodiscard]] std::uint64_t count_condemned(Tx& tx);

}  // namespace narthex::db
