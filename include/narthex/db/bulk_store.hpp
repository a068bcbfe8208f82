// Stores many new narinfos at once: COPY in binary, into the tables themselves. It is for narinfos
// that weren't there a moment ago; store_narinfos takes any, at half the speed. Has a connection of
// its own. One thread.
#pragma once

#include "narthex/db/narinfos.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// What a cache holds of a path that was asked for.
struct HeldNarinfo {
    std::size_t asked;  // its place among those asked for, from 0
    std::string name;
    std::string nar_hash;  // 32 bytes
    std::uint64_t nar_size;
    bool in_batch;  // some hide batch has it, active or not
};

// A narinfo whose paths have the caller's numbers.
struct BulkNarinfo {
    const StoredNarinfo* stored;
    std::uint32_t number;
    std::span<const std::uint32_t> references;  // in the order of the text
};

// The caller's numbers: what they stand for, and the path ids that are known, 0 for those that
// aren't.
struct NumberedPaths {
    std::span<const HashPart> hashes;
    std::span<int> ids;
};

class BulkStore {
  public:
    // Connects or throws Unavailable.
    explicit BulkStore(const std::string& uri);
    ~BulkStore();
    BulkStore(const BulkStore&) = delete;
    BulkStore& operator=(const BulkStore&) = delete;

    // Of these paths, those that the cache has, in the order asked.
    [[nodiscard]] std::vector<HeldNarinfo> find_held(int cache, std::span<const HashPart> hashes);

    // Of these paths, the places of those that are served.
    [[nodiscard]] std::vector<std::size_t> find_served(int cache, std::span<const HashPart> hashes);

    // Stores narinfos with distinct paths in a transaction, and gives ids to the paths that have
    // none: references first where the batch is in that order. After an exception, `ids` is worth
    // nothing. The feed of changes tells of them. False when another publisher was faster with some
    // row, or a hide batch has some of the paths that they name: nothing was stored then, and
    // store_narinfos and rescue know what to do.
    // Throws Unavailable, InDoubt, QueryFailed.
    [[nodiscard]] bool store(
        int cache, std::span<const BulkNarinfo> batch, const NumberedPaths& paths
    );

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::db
