#include "fuzz.hpp"

#include "narthex/core/encoding.hpp"

namespace narthex::fuzz {

void test_one(std::string_view text) {
    const Bytes bytes(text.begin(), text.end());
    require(from_nix_base32(to_nix_base32(bytes), bytes.size()) == bytes);
    require(from_base64(to_base64(bytes)) == bytes);
    require(from_hex(to_hex(bytes)) == bytes);

    // Every text that is accepted is the one that would be written.
    const std::size_t size = text.size() * 5 / 8;
    if (const auto decoded = from_nix_base32(text, size)) require(to_nix_base32(*decoded) == text);
    if (const auto decoded = from_base64(text)) require(to_base64(*decoded) == text);
    if (const auto decoded = from_hex(text)) require(to_hex(*decoded).size() == text.size());
}

}  // namespace narthex::fuzz
