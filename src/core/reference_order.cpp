#include "narthex/core/reference_order.hpp"

#include <unordered_map>

namespace narthex {

namespace {

// A depth-first walk with a stack of its own: a chain of references may be as long as the batch.
class Walk {
  public:
    explicit Walk(std::span<const Narinfo* const> batch) : batch_(batch) {
        for (const auto* narinfo : batch) {
            states_.try_emplace(narinfo->store_path().base.hash, State{narinfo, false});
        }
    }

    std::vector<HashPart> run() {
        for (const auto* narinfo : batch_) visit(narinfo->store_path().base.hash);
        return std::move(order_);
    }

  private:
    struct State {
        const Narinfo* narinfo;  // null: named as a reference only
        bool seen;
    };
    struct Frame {
        HashPart hash;
        const Narinfo* narinfo;
        std::size_t next_reference = 0;
    };

    void enter(const HashPart& hash) {
        auto& state = states_.try_emplace(hash, State{nullptr, false}).first->second;
        if (state.seen) return;
        state.seen = true;
        stack_.push_back({hash, state.narinfo});
    }

    void visit(const HashPart& start) {
        enter(start);
        while (!stack_.empty()) {
            auto& frame = stack_.back();
            const bool done = frame.narinfo == nullptr ||
                              frame.next_reference == frame.narinfo->references().size();
            if (done) {
                order_.push_back(frame.hash);
                stack_.pop_back();
            } else {
                enter(frame.narinfo->references()[frame.next_reference++].hash);
            }
        }
    }

    std::span<const Narinfo* const> batch_;
    std::unordered_map<HashPart, State> states_;
    std::vector<Frame> stack_;
    std::vector<HashPart> order_;
};

}  // namespace

std::vector<HashPart> references_first(std::span<const Narinfo* const> batch) {
    return Walk(batch).run();
}

}  // namespace narthex
