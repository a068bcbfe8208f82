#include "narthex/core/encoding.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace narthex {

namespace {

constexpr std::string_view k_nix_base32 = "0123456789abcdfghijklmnpqrsvwxyz";
constexpr std::string_view k_hex = "0123456789abcdef";
constexpr unsigned char k_no_digit = 0xff;

using DigitTable = std::array<unsigned char, 256>;

constexpr DigitTable digits_of(std::string_view alphabet) {
    DigitTable table{};
    table.fill(k_no_digit);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<unsigned char>(i);
    }
    return table;
}

constexpr DigitTable k_nix_base32_digits = digits_of(k_nix_base32);

constexpr DigitTable k_hex_digits = [] {
    DigitTable table = digits_of(k_hex);
    for (unsigned char i = 10; i < 16; ++i) table[std::size_t{'A'} + i - 10] = i;
    return table;
}();

unsigned char digit_of(const DigitTable& table, char c) {
    return table[static_cast<unsigned char>(c)];
}

constexpr std::size_t nix_base32_length(std::size_t size) {
    return (size * 8 + 4) / 5;
}

// The value of at most eight digits of Nix base32, the last being the lowest.
std::optional<std::uint64_t> read_group(std::string_view text) {
    std::uint64_t value = 0;
    unsigned char all = 0;
    for (const char c : text) {
        const unsigned char digit = digit_of(k_nix_base32_digits, c);
        all |= digit;
        value = value << 5 | digit;
    }
    if ((all & ~31U) != 0) return std::nullopt;
    return value;
}

bool is_ascii(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x80;
    });
}

constexpr int k_base64 = sodium_base64_VARIANT_ORIGINAL;

}  // namespace

std::string to_nix_base32(std::span<const unsigned char> bytes) {
    std::size_t left = nix_base32_length(bytes.size());
    std::string text(left, '0');
    std::uint32_t pending = 0;
    unsigned pending_bits = 0;
    for (const unsigned char byte : bytes) {
        pending |= std::uint32_t{byte} << pending_bits;
        for (pending_bits += 8; pending_bits >= 5; pending_bits -= 5) {
            text[--left] = k_nix_base32[pending & 31];
            pending >>= 5;
        }
    }
    if (left > 0) text[0] = k_nix_base32[pending];
    return text;
}

bool decode_nix_base32(std::string_view text, std::span<unsigned char> out) {
    if (text.size() != nix_base32_length(out.size())) return false;
    // Eight digits from the end are five bytes; the rest, if any, is shorter.
    while (!out.empty()) {
        const std::size_t digits = std::min<std::size_t>(text.size(), 8);
        const std::optional<std::uint64_t> group = read_group(text.substr(text.size() - digits));
        if (!group) return false;
        const std::size_t size = std::min<std::size_t>(out.size(), 5);
        if (*group >> (8 * size) != 0) return false;
        for (std::size_t i = 0; i < size; ++i) {
            out[i] = static_cast<unsigned char>(*group >> (8 * i) & 0xff);
        }
        text.remove_suffix(digits);
        out = out.subspan(size);
    }
    return true;
}

std::optional<Bytes> from_nix_base32(std::string_view text, std::size_t size) {
    // Checked before the allocation, so that `size` alone can't ask for memory.
    if (text.size() != nix_base32_length(size)) return std::nullopt;
    Bytes bytes(size);
    if (!decode_nix_base32(text, bytes)) return std::nullopt;
    return bytes;
}

std::string to_hex(std::span<const unsigned char> bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const unsigned char byte : bytes) {
        text += k_hex[byte >> 4];
        text += k_hex[byte & 15];
    }
    return text;
}

std::optional<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    Bytes bytes(text.size() / 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const unsigned char high = digit_of(k_hex_digits, text[2 * i]);
        const unsigned char low = digit_of(k_hex_digits, text[2 * i + 1]);
        if (high == k_no_digit || low == k_no_digit) return std::nullopt;
        bytes[i] = static_cast<unsigned char>(high << 4 | low);
    }
    return bytes;
}

std::string to_base64(std::span<const unsigned char> bytes) {
    if (bytes.empty()) return {};  // its pointer may be null, which libsodium doesn't take
    // libsodium writes a final NUL, and counts it.
    std::string text(sodium_base64_ENCODED_LEN(bytes.size(), k_base64), '\0');
    sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), k_base64);
    text.pop_back();
    return text;
}

bool decode_base64(std::string_view text, std::span<unsigned char> out) {
    // libsodium 1.0.18 takes some bytes above 0x7f for digits where char is signed.
    if (!is_ascii(text)) return false;
    if (text.empty() || out.empty()) return text.empty() && out.empty();
    std::size_t size = 0;
    const int status = sodium_base642bin(
        out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr, k_base64
    );
    return status == 0 && size == out.size();
}

std::optional<Bytes> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    Bytes bytes(text.size() / 4 * 3 - padding);
    if (!decode_base64(text, bytes)) return std::nullopt;
    return bytes;
}

}  // namespace narthex
