#include "narthex/core/log_text.hpp"

#include "narthex/core/encoding.hpp"

namespace narthex {

std::string log_text(std::string_view text) {
    constexpr std::size_t k_longest = 512;
    std::string out = "\"";
    for (const char c : text.substr(0, k_longest)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
            out += "\\x" + to_hex({&byte, 1});
        } else {
            out += c;
        }
    }
    return out + '"';
}

}  // namespace narthex
