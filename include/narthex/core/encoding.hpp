// Text encodings of byte strings: Nix's own base32, base16 and base64.
// Nix base32 (libutil/base-nix-32.cc in NixOS/nix): alphabet 0123456789abcdfghijklmnpqrsvwxyz,
// least significant five bits last, so a text reads "backwards" against RFC 4648.
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex {

using Bytes = std::vector<unsigned char>;

// ceil(8 * size / 5) characters.
[[nodiscard]] std::string to_nix_base32(std::span<const unsigned char> bytes);

// Absent when a character is not in the alphabet, the length is not one that encodes
// `size` bytes exactly, or the unused high bits are not zero.
[[nodiscard]] std::optional<Bytes> from_nix_base32(std::string_view text, std::size_t size);

// The same into `out`, whose size is the one expected: nothing is allocated. False where
// from_nix_base32 is absent; `out` is unspecified then.
[[nodiscard]] bool decode_nix_base32(std::string_view text, std::span<unsigned char> out);

// Lower case, two characters a byte.
[[nodiscard]] std::string to_hex(std::span<const unsigned char> bytes);

// Both cases accepted; absent on an odd length or another character.
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view text);

// RFC 4648 section 4, with padding.
[[nodiscard]] std::string to_base64(std::span<const unsigned char> bytes);

// Strict: padding required, no white space, no trailing bits. Absent otherwise.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

// The same into `out`; false unless `text` is exactly out.size() bytes. `out` is unspecified then.
[[nodiscard]] bool decode_base64(std::string_view text, std::span<unsigned char> out);

}  // namespace narthex
