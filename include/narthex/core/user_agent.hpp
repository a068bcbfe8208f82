// Which Nix asks: "curl/8.14.1 Nix/2.26.3". Old ones need other status codes (docs/protocol.md).
// Pure, any thread.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

namespace narthex {

struct NixVersion {
    unsigned major;
    unsigned minor;

    auto operator<=>(const NixVersion&) const = default;
};

// Of the first word Nix/MAJOR.MINOR...; what follows the digits of MINOR doesn't matter
// ("2.35pre"). Absent for other clients and where a number is missing or doesn't fit.
[[nodiscard]] std::optional<NixVersion> nix_version(std::string_view user_agent);

}  // namespace narthex
