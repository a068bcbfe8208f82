// Store paths: /nix/store/<hash part>-<name>, with any store directory (/nix/store, /gnu/store).
// The hash part is 20 bytes, 32 characters of Nix base32; a name has 1 to 211 characters of
// [0-9a-zA-Z+-._?=], and is neither "." nor ".." nor begins with ".-" or "..-"
// (NixOS/nix libstore/path.cc). Values are valid when they exist.
#pragma once

#include "narthex/core/error.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace narthex {

// The 20 bytes that name a path in a cache: the key of every table.
class HashPart {
  public:
    static constexpr std::size_t k_size = 20;
    static constexpr std::size_t k_text_size = 32;

    explicit HashPart(std::array<unsigned char, k_size> bytes) : bytes_(bytes) {}

    // `text` must be exactly 32 characters of Nix base32.
    [[nodiscard]] static Result<HashPart> parse(std::string_view text);

    [[nodiscard]] std::string to_string() const;  // 32 characters
    [[nodiscard]] std::span<const unsigned char, k_size> bytes() const { return bytes_; }

    auto operator<=>(const HashPart&) const = default;

  private:
    std::array<unsigned char, k_size> bytes_;
};

// <hash part>-<name>, as in the References and Deriver lines.
struct BaseName {
    HashPart hash;
    std::string name;

    [[nodiscard]] static Result<BaseName> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    auto operator<=>(const BaseName&) const = default;
};

// A base name in a store directory.
struct StorePath {
    std::string store_dir;  // absolute, no trailing slash: "/nix/store"
    BaseName base;

    // `text` is absolute; everything before the last slash is the store directory.
    [[nodiscard]] static Result<StorePath> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    auto operator<=>(const StorePath&) const = default;
};

// Fine as a store directory: absolute, at least one component, no empty, "." or ".." component,
// no trailing slash, printable ASCII without space.
[[nodiscard]] bool is_store_dir(std::string_view text);

}  // namespace narthex

template <>
struct std::hash<narthex::HashPart> {
    // The bytes are uniform already: the first eight will do.
    std::size_t operator()(const narthex::HashPart& part) const noexcept {
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < 8; ++i) word = word << 8 | part.bytes()[i];
        return word;
    }
};
