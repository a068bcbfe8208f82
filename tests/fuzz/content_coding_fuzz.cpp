#include "fuzz.hpp"

#include "narthex/core/content_coding.hpp"

namespace narthex::fuzz {

// The first byte says which coding, the rest is what comes.
void test_one(std::string_view input) {
    constexpr std::size_t k_limit = 1 << 20;
    constexpr ContentCoding k_codings[] = {
        ContentCoding::identity,
        ContentCoding::gzip,
        ContentCoding::zstd,
        ContentCoding::brotli,
        ContentCoding::xz,
        ContentCoding::bzip2};
    if (input.empty()) return;
    const auto which = static_cast<unsigned char>(input[0]) % std::size(k_codings);
    const auto text = decode_content(k_codings[which], input.substr(1), k_limit);
    require(!text || text->size() <= k_limit);
}

}  // namespace narthex::fuzz
