// Rescuing (docs/decisions/0007-collecting.md): what somebody wants is taken out of all hide
// batches, with everything that it refers to. Functions take a transaction under the shared
// publishing lock (share_publishing) or the exclusive one, and never commit. Nearly always nothing
// is found, which costs one index probe a path.
#pragma once

#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace narthex::db {

// Something that a hidden path needs was purged after it was hidden. Nothing was changed.
class ClosurePurged : public std::runtime_error {
  public:
    explicit ClosurePurged(std::vector<HashPart> missing)
        : std::runtime_error("a part of the closure has been purged"),
          missing_(std::move(missing)) {}
    [[nodiscard]] const std::vector<HashPart>& missing() const { return missing_; }  // not empty

  private:
    std::vector<HashPart> missing_;
};

// Deletes the rows in `hidden`, of whatever batch, of these paths and of all that they reach.
// Returns how many paths that were. Where an active batch hid some, they are served again from the
// commit on, and the feed of changes says so. Throws ClosurePurged.
std::size_t rescue(Tx& tx, int cache, std::span<const HashPart> paths);

// The same of those paths whose closures are whole; the others stay as they are.
std::size_t rescue_whole(Tx& tx, int cache, std::span<const HashPart> paths);

// Of these paths, those that are in a batch, active or not.
[[nodiscard]] std::vector<HashPart> find_in_batches(
    Tx& tx, int cache, std::span<const HashPart> paths
);

}  // namespace narthex::db
