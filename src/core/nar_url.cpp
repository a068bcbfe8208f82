#include "narthex/core/nar_url.hpp"

#include "narthex/core/http_target.hpp"

#include <algorithm>

namespace narthex {

namespace {

// Other bytes may be no UTF-8, which PostgreSQL refuses to compare with.
bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

bool names_another_server(std::string_view url) {
    return url.find("://") != std::string_view::npos;
}

std::optional<std::string> nar_path(std::string_view url) {
    auto path = percent_decode(split_target(url).path);
    if (!path || !path->starts_with("nar/") || !is_safe_relative_path(*path) || !is_ascii(*path)) {
        return std::nullopt;
    }
    return path;
}

std::string nar_target(std::string_view path) {
    constexpr std::string_view k_plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    constexpr std::string_view k_digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : path) {
        if (k_plain.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += k_digits[byte >> 4];
        out += k_digits[byte & 15];
    }
    return out;
}

std::optional<Sha256> hash_in_nar_path(std::string_view path) {
    constexpr std::size_t k_nix_base32_size = 52;
    auto name = path.substr(path.rfind('/') + 1);
    name = name.substr(0, name.find('.'));
    if (name.size() != k_nix_base32_size) return std::nullopt;
    const auto hash = Sha256::parse("sha256:" + std::string(name));
    if (!hash) return std::nullopt;
    return *hash;
}

}  // namespace narthex
