#include "narinfo_rules.hpp"

#include "narthex/core/encoding.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace narthex {

namespace {

constexpr std::size_t npos = std::string_view::npos;

unsigned char byte_at(std::string_view text, std::size_t i) {
    return static_cast<unsigned char>(text[i]);
}

// Narinfos are nearly all ASCII: eight bytes a step.
std::size_t skip_ascii(std::string_view text, std::size_t i) {
    constexpr std::uint64_t high_bits = 0x8080808080808080;
    for (; i + 8 <= text.size(); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + i, 8);
        if ((word & high_bits) != 0) break;
    }
    while (i < text.size() && byte_at(text, i) < 0x80) ++i;
    return i;
}

// What may follow a first byte: the length of the sequence, and the range of the second byte,
// which is where overlong forms, surrogates and values above 10FFFF show.
struct Utf8Lead {
    std::size_t length;
    unsigned char low;
    unsigned char high;
};

Utf8Lead utf8_lead(unsigned char first) {
    if (first >= 0xc2 && first <= 0xdf) return {2, 0x80, 0xbf};
    if (first == 0xe0) return {3, 0xa0, 0xbf};
    if (first == 0xed) return {3, 0x80, 0x9f};
    if (first >= 0xe1 && first <= 0xef) return {3, 0x80, 0xbf};
    if (first == 0xf0) return {4, 0x90, 0xbf};
    if (first >= 0xf1 && first <= 0xf3) return {4, 0x80, 0xbf};
    if (first == 0xf4) return {4, 0x80, 0x8f};
    return {0, 0, 0};
}

// Bytes of the multi-byte sequence at the start of `text`, 0 when it is not a valid one.
std::size_t utf8_sequence(std::string_view text) {
    const Utf8Lead lead = utf8_lead(byte_at(text, 0));
    if (lead.length == 0 || text.size() < lead.length) return 0;
    if (byte_at(text, 1) < lead.low || byte_at(text, 1) > lead.high) return 0;
    for (std::size_t i = 2; i < lead.length; ++i) {
        if ((byte_at(text, i) & 0xc0) != 0x80) return 0;
    }
    return lead.length;
}

bool is_dot_dot(std::string_view component) {
    int dots = 0;
    for (; !component.empty(); ++dots) {
        const bool escaped = component.starts_with("%2e") || component.starts_with("%2E");
        if (!escaped && component[0] != '.') return false;
        component.remove_prefix(escaped ? 3 : 1);
    }
    return dots == 2;
}

bool has_dot_dot(std::string_view path) {
    for (;;) {
        const std::size_t slash = path.find('/');
        if (is_dot_dot(path.substr(0, slash))) return true;
        if (slash == npos) return false;
        path.remove_prefix(slash + 1);
    }
}

bool is_http_with_host(std::string_view url) {
    const std::size_t start = url.starts_with("https://") ? 8 : 7;
    if (start == 7 && !url.starts_with("http://")) return false;
    return start < url.size() && std::string_view("/?#:").find(url[start]) == npos;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

struct Algorithm {
    std::string_view prefix;
    std::size_t size;
};

constexpr std::array k_algorithms{
    Algorithm{"sha256:", 32},
    Algorithm{"sha1:", 20},
    Algorithm{"sha512:", 64},
    Algorithm{"md5:", 16},
    Algorithm{"blake3:", 32},
};

bool is_hash_of(std::string_view text, std::size_t size) {
    if (from_nix_base32(text, size)) return true;
    if (text.size() == size * 2) return from_hex(text).has_value();
    const auto bytes = from_base64(text);
    return bytes && bytes->size() == size;
}

}  // namespace

std::size_t find_invalid_utf8(std::string_view text) {
    for (std::size_t i = 0;;) {
        i = skip_ascii(text, i);
        if (i == text.size()) return npos;
        const std::size_t length = utf8_sequence(text.substr(i));
        if (length == 0) return i;
        i += length;
    }
}

// NARs are found by their URL through an index of PostgreSQL's, whose entries are at most 2704
// bytes.
constexpr std::size_t k_max_url_bytes = 2048;

std::string_view url_fault(std::string_view url) {
    if (url.empty()) return "is empty";
    if (url.size() > k_max_url_bytes) return "is longer than 2048 bytes";
    if (url.starts_with('/')) return "begins with '/'; write it relative to the cache, as in nar/x";
    const bool clean = std::none_of(url.begin(), url.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    });
    if (!clean) return "has white space or a control character; percent-encode it";
    const bool has_scheme = url.substr(0, url.find_first_of("/?#")).find(':') != npos;
    if (has_scheme && !is_http_with_host(url)) {
        return "is absolute, and then it must begin with http:// or https:// and a host";
    }
    return has_dot_dot(url.substr(0, url.find('?'))) ? "has a '..' component; leave it out" : "";
}

bool is_compression(std::string_view name) {
    for (std::string_view rest = k_compression_names; !rest.empty();) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        if (rest.substr(0, end) == name) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

bool is_content_address(std::string_view text) {
    if (take_prefix(text, "fixed:")) {
        if (!take_prefix(text, "r:")) take_prefix(text, "git:");
    } else if (!take_prefix(text, "text:")) {
        return false;
    }
    return std::any_of(k_algorithms.begin(), k_algorithms.end(), [&](const Algorithm& algorithm) {
        return text.starts_with(algorithm.prefix) &&
               is_hash_of(text.substr(algorithm.prefix.size()), algorithm.size);
    });
}

bool is_guix_signature(std::string_view text) {
    if (!take_prefix(text, "1;")) return false;
    const std::size_t semicolon = text.find(';');
    if (semicolon == npos) return false;
    const auto bytes = from_base64(text.substr(semicolon + 1));
    return bytes && !bytes->empty();
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    // PostgreSQL's bigint holds no more.
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value > most) return std::nullopt;
    return value;
}

}  // namespace narthex
