#include "narthex/core/content_coding.hpp"

#include "narthex/core/encoding.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

namespace narthex {
namespace {

struct Sample {
    ContentCoding coding;
    std::string hex;  // "hello, hello, hello\n", made by the coding's own program
};

std::string bytes_of(const std::string& hex) {
    const auto bytes = from_hex(hex).value();
    return {bytes.begin(), bytes.end()};
}

const std::string k_text = "hello, hello, hello\n";

const std::vector<Sample>& samples() {
    static const std::vector<Sample> all{
        {ContentCoding::gzip, "1f8b0800000000000203cb48cdc9c9d751c840a2b800e7426e5214000000"},
        {ContentCoding::zstd, "28b52ffd04587500004068656c6c6f2c200a0100e28a1121699d87"},
        {ContentCoding::brotli, "1b13000024154058721045a2a9c4737a27"},
        {ContentCoding::xz,
         "fd377a585a000004e6d6b4460200210116000000742fe5a3e00013000e5d00341949ee8def8c8731"
         "f52f640000000000b0488559d7a9ae4b00012a147ead37551fb6f37d010000000004595a"},
        {ContentCoding::bzip2,
         "425a6839314159265359cb52e5670000055100001040040244a00021243108602f1844c715178bb9"
         "229c284865a972b380"},
    };
    return all;
}

std::string gzip(const std::string& text) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd(const std::string& text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 19));
    return out;
}

TEST(ContentCoding, is_known_by_the_names_that_nix_sends) {
    EXPECT_EQ(parse_content_coding(""), ContentCoding::identity);
    EXPECT_EQ(parse_content_coding("gzip"), ContentCoding::gzip);
    EXPECT_EQ(parse_content_coding("br"), ContentCoding::brotli);
    EXPECT_EQ(parse_content_coding("zstd"), ContentCoding::zstd);
    EXPECT_EQ(parse_content_coding("xz"), ContentCoding::xz);
    EXPECT_EQ(parse_content_coding("bzip2"), ContentCoding::bzip2);
    for (const std::string other : {"deflate", "gzip, br", "GZIP ", "lzma", "*"}) {
        EXPECT_EQ(parse_content_coding(other), std::nullopt) << other;
    }
}

TEST(DecodeContent, reads_what_each_program_writes) {
    for (const auto& [coding, hex] : samples()) {
        const auto text = decode_content(coding, bytes_of(hex), k_text.size());
        ASSERT_TRUE(text.has_value()) << hex;
        EXPECT_EQ(*text, k_text);
    }
}

TEST(DecodeContent, refuses_one_byte_more_than_the_limit) {
    for (const auto& [coding, hex] : samples()) {
        const auto text = decode_content(coding, bytes_of(hex), k_text.size() - 1);
        EXPECT_EQ(text.error(), DecodeFault::too_large) << hex;
    }
    EXPECT_EQ(decode_content(ContentCoding::identity, k_text, 3).error(), DecodeFault::too_large);
}

TEST(DecodeContent, refuses_what_is_cut_off_anywhere_or_has_more_behind_it) {
    for (const auto& [coding, hex] : samples()) {
        const auto whole = bytes_of(hex);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            EXPECT_EQ(
                decode_content(coding, whole.substr(0, size), 1000).error(), DecodeFault::corrupt
            ) << hex
              << " at " << size;
        }
        EXPECT_EQ(decode_content(coding, whole + "x", 1000).error(), DecodeFault::corrupt) << hex;
    }
}

TEST(DecodeContent, ends_bombs_at_the_limit) {
    constexpr std::size_t k_limit = 1 << 20;
    const std::string zeros(256 << 20, '\0');
    EXPECT_EQ(
        decode_content(ContentCoding::zstd, zstd(zeros), k_limit).error(), DecodeFault::too_large
    );
    EXPECT_EQ(
        decode_content(ContentCoding::gzip, gzip(zeros), k_limit).error(), DecodeFault::too_large
    );
}

RC_GTEST_PROP(DecodeContent, gives_back_what_was_encoded, (const std::string& text)) {
    RC_ASSERT(decode_content(ContentCoding::gzip, gzip(text), text.size()).value() == text);
    RC_ASSERT(decode_content(ContentCoding::zstd, zstd(text), text.size()).value() == text);
    RC_ASSERT(*decode_content(ContentCoding::identity, text, text.size()) == text);
}

RC_GTEST_PROP(DecodeContent, takes_any_bytes, (const std::string& bytes)) {
    for (const auto& sample : samples()) {
        const auto text = decode_content(sample.coding, bytes, 1000);
        RC_ASSERT((!text || text->size() <= 1000));
    }
}

}  // namespace
}  // namespace narthex
