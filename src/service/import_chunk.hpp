// What an import has read and not yet stored: which path refers to which, in memory, and all the
// rest in a spool.
#pragma once

#include "import_check.hpp"

#include "narthex/core/reference_index.hpp"
#include "narthex/db/narinfos.hpp"
#include "narthex/service/spool.hpp"

#include <optional>
#include <vector>

namespace narthex::service {

// A narinfo that was accepted.
struct Candidate {
    Narinfo narinfo;
    Origin origin;
    std::vector<std::optional<db::NarPlace>> places;  // of its files
};

class ImportChunk {
  public:
    using Place = ReferenceIndex::Place;

    explicit ImportChunk(const std::filesystem::path& directory) : spool_(directory) {}

    // A path that isn't there yet.
    void add(const Candidate& candidate);
    // After the last add, before the first load.
    void finish() { spool_.flush(); }
    [[nodiscard]] Candidate load(Place place) const;  // any thread
    [[nodiscard]] std::uint32_t bytes_of(Place place) const { return extents_[place].size; }
    [[nodiscard]] std::uint64_t spooled_bytes() const { return spool_.bytes(); }

    [[nodiscard]] const ReferenceIndex& index() const { return index_; }
    // About what it takes in memory, until it is stored.
    [[nodiscard]] std::size_t memory() const;
    void clear();

  private:
    ReferenceIndex index_;
    std::vector<Spool::Extent> extents_;
    Spool spool_;
};

}  // namespace narthex::service
