#include "fuzz.hpp"

#include "narthex/core/http_range.hpp"

#include <string>

namespace narthex::fuzz {

void test_one(std::string_view text) {
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1000}, UINT64_MAX}) {
        const RangeAnswer answer = parse_range(text, size);
        const auto* range = std::get_if<ByteRange>(&answer);
        if (range == nullptr) continue;
        require(range->first <= range->last && range->last < size);
        const std::string again =
            "bytes=" + std::to_string(range->first) + "-" + std::to_string(range->last);
        require(parse_range(again, size) == answer);
    }
}

}  // namespace narthex::fuzz
