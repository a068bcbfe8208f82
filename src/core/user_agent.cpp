#include "narthex/core/user_agent.hpp"

#include <algorithm>
#include <charconv>

namespace narthex {

namespace {

constexpr std::string_view k_product = "Nix/";

// Takes the number at the start of `text` away.
std::optional<unsigned> take_number(std::string_view& text) {
    unsigned value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return value;
}

std::optional<NixVersion> parse_version(std::string_view text) {
    const std::optional<unsigned> major = take_number(text);
    if (!major || !text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
    const std::optional<unsigned> minor = take_number(text);
    if (!minor) return std::nullopt;
    return NixVersion{*major, *minor};
}

}  // namespace

std::optional<NixVersion> nix_version(std::string_view user_agent) {
    while (!user_agent.empty()) {
        const std::size_t end = std::min(user_agent.find(' '), user_agent.size());
        const std::string_view word = user_agent.substr(0, end);
        if (word.starts_with(k_product)) return parse_version(word.substr(k_product.size()));
        user_agent.remove_prefix(std::min(end + 1, user_agent.size()));
    }
    return std::nullopt;
}

}  // namespace narthex
