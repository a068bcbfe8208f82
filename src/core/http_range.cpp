#include "narthex/core/http_range.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace narthex {

namespace {

constexpr std::string_view k_unit = "bytes=";

// Range units are case-insensitive.
bool has_bytes_unit(std::string_view header) {
    const std::string_view unit = header.substr(0, k_unit.size());
    return std::equal(unit.begin(), unit.end(), k_unit.begin(), k_unit.end(), [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
    });
}

// Absent unless all are digits. A number that doesn't fit is still a position: one past every body.
std::optional<std::uint64_t> parse_position(std::string_view text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || stop != end) return std::nullopt;
    return error == std::errc() ? value : std::numeric_limits<std::uint64_t>::max();
}

RangeAnswer last_bytes(std::optional<std::uint64_t> count, std::uint64_t size) {
    if (!count) return WholeBody{};
    if (*count == 0) return UnsatisfiableRange{};
    if (size == 0) return WholeBody{};
    return ByteRange{size - std::min(*count, size), size - 1};
}

}  // namespace

RangeAnswer parse_range(std::string_view header, std::uint64_t size) {
    if (!has_bytes_unit(header)) return WholeBody{};
    const std::string_view range = header.substr(k_unit.size());
    const std::size_t dash = range.find('-');
    if (dash == range.npos) return WholeBody{};
    const std::string_view last_text = range.substr(dash + 1);
    if (dash == 0) return last_bytes(parse_position(last_text), size);
    const auto first = parse_position(range.substr(0, dash));
    const auto last =
        last_text.empty() ? std::numeric_limits<std::uint64_t>::max() : parse_position(last_text);
    if (!first || !last || *last < *first) return WholeBody{};
    if (*first >= size) return UnsatisfiableRange{};
    return ByteRange{*first, std::min(*last, size - 1)};
}

}  // namespace narthex
