#include "narthex/core/plain_text.hpp"

#include "narinfo_rules.hpp"

namespace narthex {

namespace {

bool is_control(std::string_view text, std::size_t i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) return true;
    // U+0080 to U+009F.
    return c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
}

}  // namespace

bool is_plain_text(std::string_view text) {
    if (find_invalid_utf8(text) != std::string_view::npos) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_control(text, i)) return false;
    }
    return true;
}

}  // namespace narthex
