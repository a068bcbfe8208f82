// The Range header of a GET (RFC 9110 14.1.2), for servers that answer one range and no more.
// Pure, any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

namespace narthex {

// Answer 200 with everything: the header is malformed, of another unit, or asks for several ranges.
struct WholeBody {
    bool operator==(const WholeBody&) const = default;
};

// Answer 206. Both ends are inclusive, first <= last < size.
struct ByteRange {
    std::uint64_t first;
    std::uint64_t last;

    [[nodiscard]] std::uint64_t length() const { return last - first + 1; }

    bool operator==(const ByteRange&) const = default;
};

// Answer 416.
struct UnsatisfiableRange {
    bool operator==(const UnsatisfiableRange&) const = default;
};

using RangeAnswer = std::variant<WholeBody, ByteRange, UnsatisfiableRange>;

// `header` is the value of Range, `size` the bytes there are. An empty body has no last n bytes
// to give, yet asking for them is satisfiable: WholeBody.
[[nodiscard]] RangeAnswer parse_range(std::string_view header, std::uint64_t size);

}  // namespace narthex
