// The second half of an import: a chunk is put in order and stored, a batch at a time.
#pragma once

#include "import_chunk.hpp"
#include "import_run.hpp"

#include "narthex/db/bulk_store.hpp"
#include "narthex/db/connection.hpp"

#include <future>
#include <span>
#include <utility>
#include <vector>

namespace narthex::service {

class ImportStore {
  public:
    using Batch = std::vector<Candidate>;

    // `run` outlives it.
    ImportStore(const std::string& database, ImportRun& run);

    // The id of the directory of NARs.
    [[nodiscard]] int find_site();
    // What the cache has of these paths.
    [[nodiscard]] std::vector<db::HeldNarinfo> find_held(std::span<const HashPart> hashes);

    // Stores a chunk, or what it can until the import shall end, and clears it.
    void store(ImportChunk& chunk);
    // Of paths that the cache had a moment ago and that were counted as such: notes where their
    // NARs are, and serves the hidden ones again. A collector may have been faster.
    void store_held(const Batch& batch);
    // Gives the import's tags to paths that the cache has.
    void tag(std::span<const HashPart> paths);
    // Of all that was stored; once, at the end.
    [[nodiscard]] std::vector<HashPart> find_dangling();

  private:
    using Place = ReferenceIndex::Place;
    using Places = std::vector<Place>;

    void store_in_order(const ImportChunk& chunk, std::span<const Place> order);
    [[nodiscard]] Places take_batch(const ImportChunk& chunk, std::span<const Place>& order) const;
    void store_batch(const ImportChunk& chunk, const Places& places, const Batch& batch);
    // Stores a batch that may be there already.
    db::StoreReport store_any(const Batch& batch);
    void count(const db::StoreReport& stored, const Batch& batch);
    void drop_unclosed(const ImportChunk& chunk, Places& order);
    [[nodiscard]] std::vector<bool> find_served(const ReferenceIndex& index);
    void note_dangling(const ReferenceIndex& index);

    db::Connection connection_;
    db::BulkStore bulk_;
    ImportRun& run_;
    std::vector<int> ids_;       // of the chunk's paths, by number; 0: not known
    std::vector<bool> stored_;   // by place in the chunk
    std::vector<int> dangling_;  // path ids
};

}  // namespace narthex::service
