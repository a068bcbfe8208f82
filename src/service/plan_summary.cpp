#include "narthex/service/plan_summary.hpp"

#include "narthex/core/package_name.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::service {

namespace {

constexpr std::size_t k_most = 20;
constexpr std::int64_t k_day = 86400;

std::size_t age_class(std::int64_t age) {
    const auto days = age / k_day;
    const auto limit = std::ranges::find_if(k_age_limits, [&](int each) { return days < each; });
    return static_cast<std::size_t>(limit - k_age_limits.begin());
}

// Keeps `list` the k_most first by `before`, in that order.
template <class Before>
void put(std::vector<PlannedPath>& list, const PlannedPath& path, Before before) {
    if (list.size() == k_most && !before(path, list.back())) return;
    list.insert(std::ranges::upper_bound(list, path, before), path);
    if (list.size() > k_most) list.pop_back();
}

bool is_larger(const PlannedPath& a, const PlannedPath& b) {
    return a.nar_size != b.nar_size ? a.nar_size > b.nar_size : a.base.hash < b.base.hash;
}

bool is_more_requested(const PlannedPath& a, const PlannedPath& b) {
    return a.requested != b.requested ? a.requested > b.requested : is_larger(a, b);
}

}  // namespace

std::string age_class_name(std::size_t age_class) {
    if (age_class == 0) return fmt::format("under {} days", k_age_limits.front());
    if (age_class == k_age_limits.size()) return fmt::format("over {} days", k_age_limits.back());
    return fmt::format("{} to {} days", k_age_limits[age_class - 1], k_age_limits[age_class]);
}

SummaryCount::SummaryCount(
    const Bitmap& live,
    const Bitmap& released,
    const std::unordered_map<int, std::uint64_t>& requested,
    std::int64_t now
)
    : live_(live), released_(released), requested_(requested), now_(now) {}

bool SummaryCount::add(const db::Candidate& candidate) {
    const auto size = candidate.nar_size;
    if (candidate.hidden) {
        counted_.hidden.add(size);
        return false;
    }
    if (live_.test(candidate.id)) {
        counted_.live.add(size);
        return false;
    }
    counted_.planned.add(size);
    (released_.test(candidate.id) ? counted_.released : counted_.unreachable).add(size);
    counted_.by_age[age_class(now_ - candidate.first_seen)].add(size);
    names_[std::string(package_name(candidate.name))].add(size);
    const auto times = requested_.find(candidate.id);
    const PlannedPath path{
        {candidate.hash, std::string(candidate.name)},
        size,
        times == requested_.end() ? 0 : times->second};
    put(counted_.largest, path, is_larger);
    if (path.requested > 0) {
        ++counted_.requested_paths;
        put(counted_.requested, path, is_more_requested);
    }
    return true;
}

void SummaryCount::finish(PlanSummary& summary) {
    summary.planned = counted_.planned;
    summary.unreachable = counted_.unreachable;
    summary.released = counted_.released;
    summary.live = counted_.live;
    summary.hidden = counted_.hidden;
    summary.by_age = counted_.by_age;
    summary.by_name = largest(std::move(names_), k_most);
    summary.largest = std::move(counted_.largest);
    summary.requested_paths = counted_.requested_paths;
    summary.requested = std::move(counted_.requested);
}

std::vector<Named> largest(std::unordered_map<std::string, Tally> tallies, std::size_t most) {
    std::vector<Named> all;
    all.reserve(tallies.size());
    for (auto& [name, tally] : tallies) all.push_back({name, tally});
    const auto kept = std::min(most, all.size());
    std::ranges::partial_sort(
        all,
        all.begin() + static_cast<std::ptrdiff_t>(kept),
        [](const Named& a, const Named& b) {
            return a.tally.nar_size != b.tally.nar_size ? a.tally.nar_size > b.tally.nar_size
                                                        : a.name < b.name;
        }
    );
    all.resize(kept);
    return all;
}

}  // namespace narthex::service
