#include "narthex/core/encoding.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <string>
#include <string_view>

namespace narthex {
namespace {

Bytes bytes_of(std::string_view text) {
    return Bytes(text.begin(), text.end());
}

struct Pair {
    std::string_view bytes;
    std::string_view text;
};

TEST(NixBase32, agrees_with_known_values) {
    const Pair cases[] = {
        {"", ""},
        {std::string_view("\0", 1), "00"},
        {"\x01", "01"},
        {"\x1f", "0z"},
        {"\xff", "7z"},
    };
    for (const auto& [bytes, text] : cases) {
        EXPECT_EQ(to_nix_base32(bytes_of(bytes)), text);
        EXPECT_EQ(from_nix_base32(text, bytes.size()), bytes_of(bytes)) << text;
    }
}

TEST(NixBase32, agrees_with_the_hashes_of_abc_in_the_tests_of_nix) {
    const Pair cases[] = {
        {"a9993e364706816aba3e25717850c26c9cd0d89d", "kpcd173cq987hw957sx6m0868wv3x6d9"},
        {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
         "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s"},
    };
    for (const auto& [hex, text] : cases) EXPECT_EQ(to_nix_base32(from_hex(hex).value()), text);
}

TEST(NixBase32, refuses_what_encodes_no_bytes) {
    const struct {
        std::string_view text;
        std::size_t size;
    } cases[] = {
        {"0", 1},    // too short
        {"000", 1},  // too long
        {"0e", 1},   // e, o, t and u are not in the alphabet
        {"0o", 1},
        {"0t", 1},
        {"0u", 1},
        {"0A", 1},
        {"0 ", 1},
        {"0\xff", 1},
        {"80", 1},  // the highest of ten bits can't be used by one byte
        {"z0", 1},
        {"0", 0},
        {"", 1},
        {"2b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s", 32},
    };
    for (const auto& [text, size] : cases) EXPECT_FALSE(from_nix_base32(text, size)) << text;
}

TEST(NixBase32, round_trips) {
    EXPECT_TRUE(rc::check("nix base32 round trip", [](const Bytes& bytes) {
        RC_ASSERT(from_nix_base32(to_nix_base32(bytes), bytes.size()) == bytes);
    }));
}

TEST(NixBase32, never_reads_two_texts_as_the_same_bytes) {
    EXPECT_TRUE(rc::check("nix base32 is canonical", [] {
        const auto size = *rc::gen::inRange<std::size_t>(0, 40);
        const auto text = *rc::gen::container<std::string>(
            (size * 8 + 4) / 5, rc::gen::elementOf(std::string("0123456789abcdfghijklmnpqrsvwxyz"))
        );
        const auto bytes = from_nix_base32(text, size);
        if (bytes) RC_ASSERT(to_nix_base32(*bytes) == text);
    }));
}

TEST(Hex, writes_lower_case_and_reads_both) {
    EXPECT_EQ(to_hex(Bytes{0x00, 0xaf, 0xf0}), "00aff0");
    EXPECT_EQ(from_hex("00afF0"), (Bytes{0x00, 0xaf, 0xf0}));
    EXPECT_EQ(from_hex(""), Bytes{});
}

TEST(Hex, refuses_odd_lengths_and_other_characters) {
    for (const std::string_view text : {"0", "000", "0g", "g0", "0 ", "@0", "G0", "/0", ":0"}) {
        EXPECT_FALSE(from_hex(text)) << text;
    }
}

TEST(Hex, round_trips) {
    EXPECT_TRUE(rc::check("hex round trip", [](const Bytes& bytes) {
        RC_ASSERT(from_hex(to_hex(bytes)) == bytes);
    }));
}

TEST(Base64, agrees_with_rfc_4648) {
    const Pair cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff", "+/8="},
    };
    for (const auto& [bytes, text] : cases) {
        EXPECT_EQ(to_base64(bytes_of(bytes)), text);
        EXPECT_EQ(from_base64(text), bytes_of(bytes)) << text;
    }
}

TEST(Base64, is_strict) {
    const std::string_view cases[] = {
        "Zg",    "Zg=",   "Zg===", "Zh==",  // no or wrong padding, trailing bits
        "Zm9=",  "Zm8",   "Z",     "=",    "==",       "====",  "=Zg=",     "Zm9v\n",
        "Zm 9v", " Zm9v", "Zm9v ", "-_8=", "Zg==Zg==", "Zm9v=", "Zm9v====",
    };
    for (const std::string_view text : cases) EXPECT_FALSE(from_base64(text)) << text;
}

TEST(Base64, has_an_alphabet_of_64_characters) {
    std::size_t accepted = 0;
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text = {'Z', static_cast<char>(byte), '9', 'v'};
        const auto bytes = from_base64(text);
        accepted += bytes ? 1 : 0;
        EXPECT_EQ(bytes ? to_base64(*bytes) : text, text) << byte;
    }
    EXPECT_EQ(accepted, 64u);
}

TEST(Base64, round_trips) {
    EXPECT_TRUE(rc::check("base64 round trip", [](const Bytes& bytes) {
        RC_ASSERT(from_base64(to_base64(bytes)) == bytes);
    }));
}

TEST(Base64, decodes_into_a_buffer_of_the_exact_size_only) {
    std::array<unsigned char, 3> three{};
    EXPECT_TRUE(decode_base64("Zm9v", three));
    EXPECT_FALSE(decode_base64("Zm8=", three));
    EXPECT_FALSE(decode_base64("Zm9vYg==", three));
}

}  // namespace
}  // namespace narthex
