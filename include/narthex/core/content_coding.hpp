// Content-Encoding of what clients upload (RFC 9110 8.4): Nix compresses narinfos, listings and
// logs when asked to (narinfo-compression=gzip and the like) and names its own method in the field.
// Decoded with a bound, since a few bytes may stand for gigabytes. Pure, any thread.
#pragma once

#include <boost/system/result.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace narthex {

enum class ContentCoding { identity, gzip, zstd, brotli, xz, bzip2 };

// Of a field's value; "" is identity. Absent for others, and for more than one coding.
[[nodiscard]] std::optional<ContentCoding> parse_content_coding(std::string_view field);

// Why bytes can't be decoded.
enum class DecodeFault {
    corrupt,    // not of that coding, cut off, or with something behind the end
    too_large,  // they stand for more than the limit
};
[[noreturn]] void throw_exception_from_error(
    const DecodeFault& fault, const boost::source_location& where
);

// At most `limit` bytes; takes up to 128 MiB beside them, which is what the largest windows of xz
// and zstd need that are decoded.
[[nodiscard]] boost::system::result<std::string, DecodeFault> decode_content(
    ContentCoding coding, std::string_view bytes, std::size_t limit
);

}  // namespace narthex
