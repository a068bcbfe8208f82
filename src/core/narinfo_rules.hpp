// Rules for single values of a narinfo. Each *_fault function says what is wrong in words that end
// a sentence such as "URL 'x' ...", and gives an empty text when nothing is.
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace narthex {

// Offset of the first byte that is not UTF-8 (Unicode 15 table 3-7), npos where there is none.
[[nodiscard]] std::size_t find_invalid_utf8(std::string_view text);

// A narinfo's URL: relative without a leading slash, or http(s)://host...; no ".." component, also
// not as %2e%2e, since clients join it to the cache's URL and proxies resolve it.
[[nodiscard]] std::string_view url_fault(std::string_view url);

// compression-algo.hh in NixOS/nix; newer Nix aborts on any other name.
inline constexpr std::string_view k_compression_names =
    "none br bzip2 compress grzip gzip lrzip lz4 lzip lzma lzop xz zstd";
[[nodiscard]] bool is_compression(std::string_view name);

// text:ALGO:HASH or fixed:[r:|git:]ALGO:HASH (ContentAddress::parse in
// libstore/content-address.cc), which throws on all others and so makes the whole narinfo corrupt.
[[nodiscard]] bool is_content_address(std::string_view text);

// What Guix reads after "Signature: ": 1;HOST;BASE64.
[[nodiscard]] bool is_guix_signature(std::string_view text);

// Decimal digits only.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace narthex
