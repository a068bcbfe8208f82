#include "narthex/core/hash.hpp"

#include "generators.hpp"

#include "narthex/core/encoding.hpp"

#include <gtest/gtest.h>

namespace narthex {
namespace {

TEST(Sha256, hashes_as_fips_180_says) {
    EXPECT_EQ(
        to_hex(Sha256::of("abc").bytes()),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    EXPECT_EQ(
        to_hex(Sha256::of("").bytes()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
}

TEST(Sha256, reads_all_four_spellings) {
    const std::string_view cases[] = {
        "sha256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
    };
    for (const std::string_view text : cases) {
        const auto hash = Sha256::parse(text);
        ASSERT_TRUE(hash) << hash.error().message;
        EXPECT_EQ(*hash, Sha256::of("abc")) << text;
    }
}

TEST(Sha256, prints_the_spelling_of_narinfos) {
    EXPECT_EQ(
        Sha256::of("abc").to_nix(), "sha256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s"
    );
}

TEST(Sha256, refuses_other_texts_and_shows_them) {
    const std::string_view cases[] = {
        "",
        "sha256",
        "sha256:",
        "sha256-",
        "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s",
        "SHA256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s",
        "sha1:kpcd173cq987hw957sx6m0868wv3x6d9",
        "sha512:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s",
        "sha256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5",
        "sha256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5su",
        "sha256: 1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5",
        "sha256:zb8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s",
        "sha256:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa1=",
        "sha256-1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s",
        "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
    };
    for (const std::string_view text : cases) {
        const auto hash = Sha256::parse(text);
        ASSERT_FALSE(hash) << text;
        EXPECT_NE(hash.error().message.find("'" + std::string(text) + "'"), std::string::npos);
    }
}

TEST(Sha256, bounds_and_escapes_the_text_it_shows) {
    const auto hash = Sha256::parse("\x1b[2J\n" + std::string(1'000'000, 'x'));
    ASSERT_FALSE(hash);
    EXPECT_LT(hash.error().message.size(), 400u);
    EXPECT_EQ(hash.error().message.find_first_of("\x1b\n"), std::string::npos);
}

TEST(Sha256, round_trips) {
    EXPECT_TRUE(rc::check("sha256 round trip in every spelling", [] {
        const Sha256 hash = *test::any_hash();
        const auto spelling = *rc::gen::element<std::string>(
            hash.to_nix(),
            "sha256:" + to_hex(hash.bytes()),
            "sha256:" + to_base64(hash.bytes()),
            "sha256-" + to_base64(hash.bytes())
        );
        RC_ASSERT(Sha256::parse(spelling).value() == hash);
    }));
}

TEST(Sha256Stream, is_the_hash_of_all_pieces) {
    Sha256Stream empty;
    EXPECT_EQ(empty.finish(), Sha256::of(""));
    Sha256Stream pieces;
    for (const std::string piece : {"", "one", " and", " another"}) pieces.update(piece);
    EXPECT_EQ(pieces.finish(), Sha256::of("one and another"));
}

}  // namespace
}  // namespace narthex
