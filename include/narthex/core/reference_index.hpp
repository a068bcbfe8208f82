// Which path of an import refers to which, as numbers: 4 bytes a reference, so that the order of
// millions is found in memory. A path has a number from when it is first named; one that was added
// (that has a narinfo in the import) also has a place, counted in the order of adding.
// Pure; one thread.
#pragma once

#include "narthex/core/store_path.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace narthex {

class ReferenceIndex {
  public:
    using Number = std::uint32_t;
    using Place = std::uint32_t;
    static constexpr Place k_not_added = UINT32_MAX;

    // Adds a path that has no place yet.
    void add(const HashPart& path, std::span<const BaseName> references);

    // Where the path was added.
    [[nodiscard]] std::optional<Place> find(const HashPart& path) const;

    [[nodiscard]] std::size_t size() const { return numbers_.size(); }  // paths that were added
    [[nodiscard]] Number number(Place place) const { return numbers_[place]; }
    [[nodiscard]] std::span<const Number> references(Place place) const;

    // By number.
    [[nodiscard]] std::span<const HashPart> paths() const { return paths_; }
    [[nodiscard]] Place place(Number path) const { return places_[path]; }

    // About what it takes in memory, with what references_first needs.
    [[nodiscard]] std::size_t bytes() const;

    // All places, references before their referrers. Paths that refer to each other in a circle
    // stand next to each other, in the order of adding; an order that is fine already stays as it
    // is.
    [[nodiscard]] std::vector<Place> references_first() const;

    // Which of the places, taken in `order` (of references_first), don't have their closure: it
    // holds a path that was not added and for which `served` (by number) is false. Each with the
    // number of a reference that is to blame.
    struct Gap {
        Place place;
        Number missing;
    };
    [[nodiscard]] std::vector<Gap> gaps(
        std::span<const Place> order, const std::vector<bool>& served
    ) const;

  private:
    Number name(const HashPart& path);

    boost::unordered_flat_map<HashPart, Number, std::hash<HashPart>> known_;
    std::vector<HashPart> paths_;       // by number
    std::vector<Place> places_;         // by number
    std::vector<Number> numbers_;       // by place
    std::vector<std::size_t> ends_{0};  // by place: its references end before the next one's
    std::vector<Number> references_;
};

}  // namespace narthex
