#include "graph.hpp"

#include "names.hpp"

#include <algorithm>

namespace narthex::bench {

namespace {

// Shares of a path's references: hubs of its own mass rebuild, recent paths, older ones.
constexpr double k_to_hubs = 0.35;
constexpr double k_to_recent = 0.60;
constexpr double k_dangling = 0.007;
constexpr double k_self = 0.438;  // of those with references: 37.6 % of all

}  // namespace

Graph::Graph(std::size_t count, std::uint64_t seed)
    : count_(count),
      epoch_size_(std::max<std::size_t>(count / 20, 4 * k_hubs)),
      random_(seed, 1),
      seen_(count + dangling(count)) {
    classes_.reserve(count);
    starts_.reserve(count + 1);
    edges_.reserve(count * 32);
    double sum = 0;
    for (std::size_t i = 0; i < k_hubs; ++i) {
        sum += 1.0 / static_cast<double>(i + 1);
        hub_weights_.push_back(sum);
    }
    for (double& weight : hub_weights_) weight /= sum;
}

bool Graph::is_hub(std::size_t path, std::size_t& hub) const {
    hub = path % epoch_size_;
    return hub < k_hubs;
}

std::span<const PathNumber> Graph::add(Class kind) {
    const auto self = static_cast<PathNumber>(classes_.size());
    std::size_t wanted = draw_reference_count(kind, random_);
    if (wanted > 0 && random_.chance(k_self)) {
        take(self);
        --wanted;
    }
    if (kind == Class::closure_info && !systems_.empty()) {
        choose_closure(wanted);
    } else {
        choose(wanted, kind);
    }
    if (kind == Class::system) systems_.push_back(self);
    classes_.push_back(kind);
    starts_.push_back(edges_.size());
    return references_of(self);
}

void Graph::take(PathNumber path) {
    const auto mark = static_cast<PathNumber>(classes_.size() + 1);
    if (seen_[path] == mark) return;
    seen_[path] = mark;
    edges_.push_back(path);
}

// The first paths of all can't have as many references as they should: tries are bounded.
void Graph::choose(std::size_t wanted, Class kind) {
    const std::size_t size = edges_.size() + wanted;
    for (std::size_t tries = 0; edges_.size() < size && tries < wanted * 20; ++tries) {
        if (random_.chance(k_dangling)) {
            take(static_cast<PathNumber>(count_ + random_.below(dangling(count_))));
            continue;
        }
        if (classes_.empty()) return;
        const PathNumber target = draw_target();
        if (is_referred_to(classes_[target]) || kind == Class::test) take(target);
    }
}

PathNumber Graph::draw_target() {
    const std::size_t self = classes_.size();
    const double kind = random_.unit();
    if (kind < k_to_hubs) {
        const auto hub =
            std::upper_bound(hub_weights_.begin(), hub_weights_.end() - 1, random_.unit());
        const std::size_t first = self - self % epoch_size_;
        const std::size_t target = first + static_cast<std::size_t>(hub - hub_weights_.begin());
        if (target < self) return static_cast<PathNumber>(target);
    }
    if (kind < k_to_hubs + k_to_recent) return draw_recent();
    return static_cast<PathNumber>(random_.below(self));
}

// Half the time whatever a recent path refers to, so that what is popular becomes more so.
PathNumber Graph::draw_recent() {
    const std::size_t self = classes_.size();
    const std::size_t first = self > epoch_size_ ? self - epoch_size_ : 0;
    if (random_.chance(0.5) && starts_.back() > starts_[first]) {
        const std::size_t begin = starts_[first];
        const PathNumber target = edges_[begin + random_.below(starts_.back() - begin)];
        if (target < self && target >= first) return target;
    }
    return static_cast<PathNumber>(first + random_.below(self - first));
}

// The nearest `wanted` paths of the closure of a recent system: a real one lists all of it, and
// closures in this graph, which has no layers, are larger.
void Graph::choose_closure(std::size_t wanted) {
    const std::size_t recent = std::min<std::size_t>(systems_.size(), 1000);
    std::size_t next = edges_.size();
    const std::size_t size = next + wanted;
    take(systems_[systems_.size() - 1 - random_.below(recent)]);
    for (; next < edges_.size() && edges_.size() < size; ++next) {
        const PathNumber from = edges_[next];
        if (from >= classes_.size()) continue;
        // By number: take() may move the edges.
        for (std::size_t i = starts_[from]; i < starts_[from + 1]; ++i) {
            if (edges_.size() < size) take(edges_[i]);
        }
    }
}

std::span<const PathNumber> Graph::references_of(PathNumber path) const {
    return std::span(edges_).subspan(starts_[path], starts_[path + 1] - starts_[path]);
}

}  // namespace narthex::bench
