#include "narthex/core/marking.hpp"

#include <algorithm>

namespace narthex {

Marking::Marking(Bitmap& marked, std::size_t most_late) : marked_(marked), most_late_(most_late) {}

void Marking::begin_pass() {
    late_.clear();
    overflowed_ = false;
}

std::vector<int> Marking::take_late(std::size_t most) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(most, late_.size()));
    std::vector<int> taken(late_.end() - count, late_.end());
    late_.erase(late_.end() - count, late_.end());
    return taken;
}

void Marking::followed(std::span<const int> references) {
    for (const int reference : references) {
        if (marked_.add(reference)) add_late(reference);
    }
}

void Marking::add_late(int id) {
    if (late_.size() == most_late_) {
        overflowed_ = true;
        return;
    }
    late_.push_back(id);
}

}  // namespace narthex
