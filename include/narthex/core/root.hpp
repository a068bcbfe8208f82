// Roots: what must live, by name, with what it leads to. Pure, any thread.
#pragma once

#include "narthex/core/error.hpp"

#include <array>
#include <optional>
#include <string_view>

namespace narthex {

enum class RootKind {
    pin,      // one path
    list,     // many
    bump,     // many: a state of a channel, kept as long as the channel's rule says
    pattern,  // whatever has such a name (core/glob.hpp)
};
inline constexpr std::array k_root_kinds = {
    RootKind::pin, RootKind::list, RootKind::bump, RootKind::pattern};

[[nodiscard]] std::string_view to_string(RootKind kind);
[[nodiscard]] std::optional<RootKind> parse_root_kind(std::string_view text);

// Of roots and channels: [A-Za-z0-9][A-Za-z0-9._@+:/-]{0,127}. The error says what is wanted.
[[nodiscard]] Result<void> check_root_name(std::string_view name);

}  // namespace narthex
