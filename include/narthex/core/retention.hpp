// Which bumps of a channel are kept. A bump is a state of a channel (nixos-24.05 on a day), known
// by the paths that it needs. Times are seconds since 1970. Pure, any thread.
#pragma once

#include "narthex/core/error.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace narthex {

enum class ChannelStatus {
    supported,    // every bump is kept
    rolling,      // the last ones are
    end_of_life,  // the last one is
};
inline constexpr std::array k_channel_statuses = {
    ChannelStatus::supported, ChannelStatus::rolling, ChannelStatus::end_of_life};

[[nodiscard]] std::string_view to_string(ChannelStatus status);  // "end-of-life"
[[nodiscard]] std::optional<ChannelStatus> parse_channel_status(std::string_view text);

struct RetentionRule {
    ChannelStatus status;
    std::optional<int> keep_last;         // of a rolling channel; at least 1
    std::optional<std::int64_t> max_age;  // seconds; whatever the status, none older is kept

    bool operator==(const RetentionRule&) const = default;
};

// An error when a rolling channel doesn't say how many it keeps, or another does.
[[nodiscard]] Result<void> check_rule(const RetentionRule& rule);

struct Bump {
    int root;         // its id; of two at the same time, the greater is the later one
    std::int64_t at;  // when the channel came to it
};

enum class BumpFate {
    kept_by_status,     // all of a supported channel
    kept_among_last,    // of a rolling one
    kept_as_last,       // at the end of life
    released_by_count,  // others are later
    released_by_age,
};

[[nodiscard]] bool is_kept(BumpFate fate);
// "kept: among the last ones"; for people.
[[nodiscard]] std::string_view to_string(BumpFate fate);

// One for each of `bumps`, which are in any order. A bump later than `now` is as any other.
[[nodiscard]] std::vector<BumpFate> judge_bumps(
    const RetentionRule& rule, std::span<const Bump> bumps, std::int64_t now
);

}  // namespace narthex
