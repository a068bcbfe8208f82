#include "narthex/core/reference_index.hpp"

#include <algorithm>

namespace narthex {

namespace {

using Place = ReferenceIndex::Place;

// Tarjan's strongly connected components, with a stack of its own: a chain of references may be as
// long as the import. A component comes out when all that it refers to is out.
class Components {
  public:
    explicit Components(const ReferenceIndex& index)
        : index_(index), reached_(index.size(), 0), lowest_(index.size(), 0) {
        order_.reserve(index.size());
    }

    std::vector<Place> run() {
        for (Place place = 0; place < index_.size(); ++place) visit(place);
        return std::move(order_);
    }

  private:
    struct Frame {
        Place place;
        std::size_t next_reference = 0;
    };
    static constexpr std::uint32_t k_out = UINT32_MAX;

    void enter(Place place) {
        reached_[place] = lowest_[place] = ++clock_;
        open_.push_back(place);
        stack_.push_back({place});
    }

    void visit(Place start) {
        if (reached_[start] == 0) enter(start);
        while (!stack_.empty()) {
            auto& frame = stack_.back();
            const auto references = index_.references(frame.place);
            if (frame.next_reference == references.size()) {
                leave(frame.place);
            } else {
                follow(frame.place, index_.place(references[frame.next_reference++]));
            }
        }
    }

    void follow(Place from, Place to) {
        if (to == ReferenceIndex::k_not_added) return;
        if (reached_[to] == 0) {
            enter(to);
        } else if (reached_[to] != k_out) {
            lowest_[from] = std::min(lowest_[from], reached_[to]);
        }
    }

    void leave(Place place) {
        stack_.pop_back();
        if (!stack_.empty()) {
            auto& referrer = lowest_[stack_.back().place];
            referrer = std::min(referrer, lowest_[place]);
        }
        if (lowest_[place] == reached_[place]) take_component(place);
    }

    void take_component(Place first_reached) {
        const auto begin = order_.size();
        Place place = 0;
        do {
            place = open_.back();
            open_.pop_back();
            reached_[place] = k_out;
            order_.push_back(place);
        } while (place != first_reached);
        std::sort(order_.begin() + static_cast<std::ptrdiff_t>(begin), order_.end());
    }

    const ReferenceIndex& index_;
    std::vector<std::uint32_t> reached_;  // when, from 1; 0: not yet; k_out: it is in order_
    std::vector<std::uint32_t> lowest_;   // the earliest reached one that it leads back to
    std::uint32_t clock_ = 0;
    std::vector<Place> open_;
    std::vector<Frame> stack_;
    std::vector<Place> order_;
};

}  // namespace

ReferenceIndex::Number ReferenceIndex::name(const HashPart& path) {
    const auto [entry, is_new] = known_.try_emplace(path, static_cast<Number>(paths_.size()));
    if (is_new) {
        paths_.push_back(path);
        places_.push_back(k_not_added);
    }
    return entry->second;
}

void ReferenceIndex::add(const HashPart& path, std::span<const BaseName> references) {
    const auto number = name(path);
    places_[number] = static_cast<Place>(numbers_.size());
    numbers_.push_back(number);
    for (const auto& reference : references) references_.push_back(name(reference.hash));
    ends_.push_back(references_.size());
}

std::optional<Place> ReferenceIndex::find(const HashPart& path) const {
    const auto entry = known_.find(path);
    if (entry == known_.end() || places_[entry->second] == k_not_added) return std::nullopt;
    return places_[entry->second];
}

std::span<const ReferenceIndex::Number> ReferenceIndex::references(Place place) const {
    return std::span(references_).subspan(ends_[place], ends_[place + 1] - ends_[place]);
}

std::size_t ReferenceIndex::bytes() const {
    constexpr std::size_t k_map_slot = sizeof(decltype(known_)::value_type) + 1;
    constexpr std::size_t k_order = sizeof(Place) * 5;  // Components, at a place
    return known_.bucket_count() * k_map_slot +
           paths_.capacity() * (sizeof(HashPart) + sizeof(Place)) +
           numbers_.capacity() * (sizeof(Number) + sizeof(std::size_t) + k_order) +
           references_.capacity() * sizeof(Number);
}

std::vector<Place> ReferenceIndex::references_first() const {
    return Components(*this).run();
}

std::vector<ReferenceIndex::Gap> ReferenceIndex::gaps(
    std::span<const Place> order, const std::vector<bool>& served
) const {
    std::vector<bool> lacking(size(), false);
    std::vector<Gap> found;
    const auto is_missing = [&](Number reference) {
        const auto at = place(reference);
        return at == k_not_added ? !served[reference] : lacking[at];
    };
    // One pass is enough but for circles, which stand in any order among themselves.
    for (bool again = true; again;) {
        again = false;
        for (const auto at : order) {
            if (lacking[at]) continue;
            const auto all = references(at);
            const auto missing = std::ranges::find_if(all, is_missing);
            if (missing == all.end()) continue;
            lacking[at] = again = true;
            found.push_back({at, *missing});
        }
    }
    return found;
}

}  // namespace narthex
