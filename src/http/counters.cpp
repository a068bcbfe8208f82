#include "narthex/http/counters.hpp"

#include "narthex/core/user_agent.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::http {

namespace {

constexpr std::size_t k_most_families = 64;

std::string family_of(std::string_view user_agent) {
    if (user_agent == "GNU Guile") return "Guix";
    const auto nix = nix_version(user_agent);
    return nix ? fmt::format("Nix {}.{}", nix->major, nix->minor) : "other";
}

}  // namespace

void Latency::add(std::chrono::steady_clock::duration took, std::uint64_t n) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    const auto at = std::ranges::lower_bound(k_bounds_us, us);
    counts[static_cast<std::size_t>(at - k_bounds_us.begin())].add(n);
    sum_us.add(static_cast<std::uint64_t>(us) * n);
}

void Counters::count_answer(Resource kind, int status) {
    const auto at = std::ranges::find(k_statuses, status);
    if (at == k_statuses.end()) return;
    answers[static_cast<std::size_t>(kind)][static_cast<std::size_t>(at - k_statuses.begin())].add(
    );
}

void Counters::count_latency(Resource kind, std::chrono::steady_clock::duration took) {
    latency.add(took);
    const auto at = std::ranges::find(k_bulk_kinds, kind);
    if (at != k_bulk_kinds.end())
        bulk[static_cast<std::size_t>(at - k_bulk_kinds.begin())].add(took);
}

Counter& Counters::family(std::string_view user_agent) {
    auto name = family_of(user_agent);
    const std::lock_guard lock(mutex_);
    if (families_.size() >= k_most_families && !families_.contains(name)) name = "other";
    auto& counter = families_[name];
    if (!counter) counter = std::make_unique<Counter>();
    return *counter;
}

std::map<std::string, std::uint64_t> Counters::families() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::uint64_t> out;
    for (const auto& [name, counter] : families_) out.emplace(name, counter->get());
    return out;
}

}  // namespace narthex::http
