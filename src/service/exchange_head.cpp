#include "narthex/service/exchange_head.hpp"

#include <algorithm>
#include <charconv>

namespace narthex::service {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool is_control(char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

}  // namespace

void ExchangeHead::add(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const auto value = trimmed(line.substr(colon + 1));
    if (std::ranges::any_of(value, is_control)) return;
    fields.emplace_back(lower(line.substr(0, colon)), value);
}

std::string_view ExchangeHead::field(std::string_view name) const {
    for (const auto& [known, value] : fields) {
        if (known == name) return value;
    }
    return {};
}

// RFC 9112 6.3: whoever says two things of a length is broken, or smuggles. libcurl takes the
// chunks, or the last length, without a word.
std::optional<std::uint64_t> ExchangeHead::length() const {
    const auto text = field("content-length");
    const bool doubtful = std::ranges::any_of(fields, [text](const auto& field) {
        return field.first == "transfer-encoding" ||
               (field.first == "content-length" && field.second != text);
    });
    std::uint64_t bytes = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), bytes);
    const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
    return whole && !doubtful ? std::optional(bytes) : std::nullopt;
}

}  // namespace narthex::service
