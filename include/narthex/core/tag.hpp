// What an operator notes of a path: KEY=VALUE, as a build farm's hook gives it. Pure, any thread.
#pragma once

#include "narthex/core/error.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace narthex {

struct Tag {
    std::string key;    // [A-Za-z0-9][A-Za-z0-9._:/-]{0,63}
    std::string value;  // 1 to 256 bytes of UTF-8 without control characters; may hold '='

    // KEY=VALUE, cut at the first '='.
    [[nodiscard]] static Result<Tag> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    auto operator<=>(const Tag&) const = default;
};

}  // namespace narthex
