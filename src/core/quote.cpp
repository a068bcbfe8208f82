#include "narthex/core/quote.hpp"

#include <cstddef>

namespace narthex {

namespace {

// Longer than a hash or an average store path, short enough for a line of a log.
constexpr std::size_t k_max_shown = 120;

void append_escaped(std::string& out, unsigned char byte) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += "\\x";
    out += digits[byte >> 4];
    out += digits[byte & 15];
}

}  // namespace

std::string quote(std::string_view text) {
    std::string out = "'";
    for (const char c : text.substr(0, k_max_shown)) {
        if (c >= ' ' && c <= '~') {
            out += c;
        } else {
            append_escaped(out, static_cast<unsigned char>(c));
        }
    }
    if (text.size() > k_max_shown) out += "...";
    return out + "'";
}

}  // namespace narthex
