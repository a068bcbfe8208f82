#include "narthex/core/http_target.hpp"

#include "narthex/core/encoding.hpp"

#include <algorithm>

namespace narthex {

namespace {

bool is_unsafe_character(char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f' || c == '\\';
}

bool is_safe_component(std::string_view part) {
    return !part.empty() && part != "." && part != "..";
}

}  // namespace

Target split_target(std::string_view target) {
    const std::size_t mark = target.find('?');
    if (mark == target.npos) return {target, std::nullopt};
    return {target.substr(0, mark), target.substr(mark + 1)};
}

std::string without_user(std::string_view target) {
    const auto scheme = target.find("://");
    if (target.starts_with('/') || scheme == target.npos) return std::string(target);
    const auto begin = scheme + 3;
    const auto authority = target.substr(begin, target.find_first_of("/?#", begin) - begin);
    const auto at = authority.rfind('@');
    if (at == authority.npos) return std::string(target);
    return std::string(target.substr(0, begin)) + std::string(target.substr(begin + at + 1));
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const std::optional<Bytes> byte = from_hex(text.substr(i + 1, 2));
        if (!byte || byte->size() != 1 || byte->front() == 0) return std::nullopt;
        decoded += static_cast<char>(byte->front());
        i += 2;
    }
    return decoded;
}

bool is_safe_relative_path(std::string_view path) {
    if (std::any_of(path.begin(), path.end(), is_unsafe_character)) return false;
    for (;;) {
        const std::size_t slash = path.find('/');
        if (!is_safe_component(path.substr(0, slash))) return false;
        if (slash == path.npos) return true;
        path.remove_prefix(slash + 1);
    }
}

}  // namespace narthex
