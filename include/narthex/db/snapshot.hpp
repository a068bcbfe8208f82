// Everything that a cache has at one moment, for reading it out: one transaction, which sees
// nothing that is committed later, and pages of bounded size. One thread.
#pragma once

#include "narthex/core/store_path.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

struct SnapshotNarinfo {
    HashPart hash;
    std::string text;  // as it is served; empty where the cache has none, or hides it
};

class Snapshot {
  public:
    // The moment is that of the first question. Throws Unavailable, as all of these do.
    Snapshot(const std::string& uri, int cache);
    ~Snapshot();
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

    // The next `most` path ids of the cache after this one, ascending.
    [[nodiscard]] std::vector<int> path_ids(int after, int most);
    // The highest id of any path.
    [[nodiscard]] int last_path_id();
    // Ids of all that these paths need, ascending. Paths that nobody names have none.
    [[nodiscard]] std::vector<int> closure(std::span<const HashPart> paths);
    // In the order of the ids, one for each.
    [[nodiscard]] std::vector<SnapshotNarinfo> narinfos(std::span<const int> path_ids, bool hidden);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::db
