#include "narthex/core/retention.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace narthex {

namespace {

constexpr std::array<std::string_view, 3> k_statuses = {"supported", "rolling", "end-of-life"};

// A bump that `later` others follow, were it not for its age.
BumpFate fate_by_count(const RetentionRule& rule, std::size_t later) {
    switch (rule.status) {
        case ChannelStatus::supported:
            break;
        case ChannelStatus::rolling:
            // A rule without a number is refused (check_rule); what isn't known to go, stays.
            if (!rule.keep_last || later < static_cast<std::size_t>(*rule.keep_last)) {
                return BumpFate::kept_among_last;
            }
            return BumpFate::released_by_count;
        case ChannelStatus::end_of_life:
            return later == 0 ? BumpFate::kept_as_last : BumpFate::released_by_count;
    }
    return BumpFate::kept_by_status;
}

}  // namespace

std::string_view to_string(ChannelStatus status) {
    return k_statuses.at(static_cast<std::size_t>(status));
}

std::optional<ChannelStatus> parse_channel_status(std::string_view text) {
    const auto at =
        std::ranges::find(k_channel_statuses, text, [](auto status) { return to_string(status); });
    if (at == k_channel_statuses.end()) return std::nullopt;
    return *at;
}

Result<void> check_rule(const RetentionRule& rule) {
    const bool rolling = rule.status == ChannelStatus::rolling;
    if (rolling && (!rule.keep_last || *rule.keep_last < 1)) {
        return Error{"a rolling channel needs the number of bumps that it keeps, 1 or more"};
    }
    if (!rolling && rule.keep_last) {
        return Error{
            "only a rolling channel keeps a number of bumps: a supported one keeps all, one at its "
            "end of life the last"};
    }
    if (rule.max_age && *rule.max_age <= 0) return Error{"the age must be more than nothing"};
    return {};
}

bool is_kept(BumpFate fate) {
    return fate == BumpFate::kept_by_status || fate == BumpFate::kept_among_last ||
           fate == BumpFate::kept_as_last;
}

std::string_view to_string(BumpFate fate) {
    switch (fate) {
        case BumpFate::kept_by_status:
            return "kept: the channel is supported";
        case BumpFate::kept_among_last:
            return "kept: among the last ones";
        case BumpFate::kept_as_last:
            return "kept: the last one";
        case BumpFate::released_by_count:
            return "released: later ones are there";
        case BumpFate::released_by_age:
            break;
    }
    return "released: older than the channel allows";
}

std::vector<BumpFate> judge_bumps(
    const RetentionRule& rule, std::span<const Bump> bumps, std::int64_t now
) {
    std::vector<std::size_t> latest_first(bumps.size());
    std::iota(latest_first.begin(), latest_first.end(), std::size_t{0});
    std::ranges::sort(latest_first, std::ranges::greater(), [&](std::size_t i) {
        return std::pair(bumps[i].at, bumps[i].root);
    });
    std::vector<BumpFate> fates(bumps.size());
    for (std::size_t later = 0; later < latest_first.size(); ++later) {
        const auto which = latest_first[later];
        const bool old = rule.max_age && now - bumps[which].at > *rule.max_age;
        fates[which] = old ? BumpFate::released_by_age : fate_by_count(rule, later);
    }
    return fates;
}

}  // namespace narthex
