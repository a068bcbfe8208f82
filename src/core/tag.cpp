#include "narthex/core/tag.hpp"

#include "narthex/core/plain_text.hpp"
#include "narthex/core/quote.hpp"

#include <algorithm>

namespace narthex {

namespace {

constexpr std::size_t k_longest_key = 64;
constexpr std::size_t k_longest_value = 256;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_key(std::string_view text) {
    if (text.empty() || text.size() > k_longest_key || !is_alphanumeric(text[0])) return false;
    return std::ranges::all_of(text, [](char c) {
        return is_alphanumeric(c) || std::string_view("._:/-").find(c) != std::string_view::npos;
    });
}

bool is_value(std::string_view text) {
    return !text.empty() && text.size() <= k_longest_value && is_plain_text(text);
}

}  // namespace

Result<Tag> Tag::parse(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !is_key(text.substr(0, equals)) ||
        !is_value(text.substr(equals + 1))) {
        return Error{
            quote(text) +
            " is not a tag: it is written KEY=VALUE, the key being 1 to 64 letters, digits or any "
            "of ._:/- and beginning with one of the first two, the value 1 to 256 bytes without "
            "control characters"};
    }
    return Tag{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

std::string Tag::to_string() const {
    return key + '=' + value;
}

}  // namespace narthex
