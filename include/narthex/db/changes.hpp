// The feed of changes: what was published, hidden, restored and purged, for those who follow.
// Functions take a transaction and never commit.
#pragma once

#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace narthex::db {

enum class ChangeKind { published, hidden, restored, purged };

// "published", ...: as the database has it.
[[nodiscard]] std::string_view to_string(ChangeKind kind);

// Nothing happens without paths. Many become several rows.
void add_change(Tx& tx, ChangeKind kind, int cache, std::span<const HashPart> paths);

// Of all paths of a hide batch.
void add_batch_change(Tx& tx, ChangeKind kind, int cache, int batch);

// A place in the feed. Sequence numbers alone would lose those who commit late.
struct ChangeCursor {
    std::uint64_t transaction = 0;
    std::int64_t id = 0;
    auto operator<=>(const ChangeCursor&) const = default;
};

struct Change {
    ChangeCursor at;
    ChangeKind kind;
    std::int64_t time;  // seconds since 1970
    int cache;
    std::vector<HashPart> paths;
    std::optional<int> batch;  // instead of paths: all of that batch
};

// The next changes after `after`, in order, at most `most`: only those that no transaction under
// way can still put something before.
[[nodiscard]] std::vector<Change> read_changes(Tx& tx, const ChangeCursor& after, int most);

// Where the feed ends now: what comes later is after it.
[[nodiscard]] ChangeCursor end_of_changes(Tx& tx);

// Paths of a hide batch that it still has, after `after` (absent: from the first on), by hash part,
// at most `most`.
[[nodiscard]] std::vector<HashPart> list_batch(
    Tx& tx, int cache, int batch, const std::optional<HashPart>& after, int most
);

}  // namespace narthex::db
