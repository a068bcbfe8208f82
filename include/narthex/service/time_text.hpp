// Points in time as people give and read them, always UTC. Seconds since 1970. Pure.
#pragma once

#include "narthex/core/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::service {

// 2026-11-24T19:42:59Z (RFC 3339)
[[nodiscard]] std::string time_text(std::int64_t time);

// "never" (absent), "90d", "12h", or "2027-01-31": the beginning of that day. The error says what
// is wanted; a time that isn't after `now` is one, too.
[[nodiscard]] Result<std::optional<std::int64_t>> parse_expiry(
    std::string_view text, std::int64_t now
);

// A time that may have passed: "2027-01-31", the beginning of that day, or as time_text has it.
[[nodiscard]] Result<std::int64_t> parse_time(std::string_view text);

// "90d" or "12h", in seconds; more than nothing.
[[nodiscard]] Result<std::int64_t> parse_span(std::string_view text);

}  // namespace narthex::service
