#include "narthex/core/store_path.hpp"

#include "generators.hpp"

#include <gtest/gtest.h>

namespace narthex {
namespace {

const std::string k_hash_text = "0123456789abcdfghijklmnpqrsvwxyz";

TEST(HashPart, has_32_characters_of_nix_base32) {
    EXPECT_EQ(HashPart::parse(k_hash_text).value().to_string(), k_hash_text);
    for (const std::string& text :
         {std::string(),
          k_hash_text.substr(1),
          k_hash_text + "0",
          "e" + k_hash_text.substr(1),
          "A" + k_hash_text.substr(1),
          k_hash_text + "-x"}) {
        EXPECT_FALSE(HashPart::parse(text)) << text;
    }
}

TEST(HashPart, hashes_to_its_first_bytes) {
    std::array<unsigned char, 20> bytes{};
    bytes[7] = 5;
    EXPECT_EQ(std::hash<HashPart>()(HashPart(bytes)), 5u);
}

TEST(BaseName, accepts_every_character_of_a_name) {
    const std::string names[] = {
        "x",
        "0",
        "+",
        "-",
        "_",
        "?",
        "=",
        ".a",
        "...",
        "a-b_c+d.e?f=g",
        std::string(211, 'a'),
        "...-x",
        ".a-x",
    };
    for (const std::string& name : names) {
        const auto base = BaseName::parse(k_hash_text + "-" + name);
        ASSERT_TRUE(base) << base.error().message;
        EXPECT_EQ(base->name, name);
        EXPECT_EQ(base->hash.to_string(), k_hash_text);
    }
}

TEST(BaseName, refuses_and_says_why) {
    const struct {
        std::string text;
        std::string_view reason;
    } cases[] = {
        {"", "32 characters"},
        {k_hash_text, "32 characters"},
        {k_hash_text + "x", "32 characters"},
        {k_hash_text + "-", "empty"},
        {k_hash_text + "-" + std::string(212, 'a'), "longer than 211"},
        {k_hash_text + "-.", "'.'"},
        {k_hash_text + "-..", "'..'"},
        {k_hash_text + "-.-a", "'.'"},
        {k_hash_text + "-..-a", "'..'"},
        {k_hash_text + "-a b", "outside"},
        {k_hash_text + "-a\n", "outside"},
        {k_hash_text + "-a!b", "outside"},
        {k_hash_text + "-\xc3\xa9", "outside"},
        {k_hash_text + "-" + std::string(1, '\0'), "outside"},
        {k_hash_text.substr(1) + "e-a", "Nix base32"},
        {"/nix/store/" + k_hash_text + "-a", "store directory"},
    };
    for (const auto& [text, reason] : cases) {
        const auto base = BaseName::parse(text);
        ASSERT_FALSE(base) << text;
        EXPECT_NE(base.error().message.find(reason), std::string::npos) << base.error().message;
    }
}

TEST(StorePath, splits_at_the_last_slash) {
    for (const std::string dir : {"/nix/store", "/gnu/store", "/s", "/home/a/.local/nix"}) {
        const auto path = StorePath::parse(dir + "/" + k_hash_text + "-hello-2.12");
        ASSERT_TRUE(path) << path.error().message;
        EXPECT_EQ(path->store_dir, dir);
        EXPECT_EQ(path->base.name, "hello-2.12");
    }
}

TEST(StorePath, refuses_what_has_no_proper_store_directory) {
    for (const std::string dir :
         {"",
          "nix/store",
          "/nix//store",
          "/nix/./store",
          "/nix/../store",
          "//",
          "/",
          "/nix/store/",
          "/nix/st ore",
          "/nix/\tstore",
          "/nix/st\xc3\xa9re"}) {
        EXPECT_FALSE(is_store_dir(dir)) << dir;
        EXPECT_FALSE(StorePath::parse(dir + "/" + k_hash_text + "-x")) << dir;
    }
    EXPECT_FALSE(StorePath::parse(k_hash_text + "-x"));
    EXPECT_FALSE(StorePath::parse("/nix/store/" + k_hash_text + "-x/bin"));
    EXPECT_FALSE(StorePath::parse("/nix/store/" + k_hash_text + "-x/"));
}

TEST(StorePath, round_trips) {
    EXPECT_TRUE(rc::check("store path round trip", [] {
        const StorePath path = *test::any_store_path();
        RC_ASSERT(StorePath::parse(path.to_string()).value() == path);
        RC_ASSERT(BaseName::parse(path.base.to_string()).value() == path.base);
        RC_ASSERT(HashPart::parse(path.base.hash.to_string()).value() == path.base.hash);
    }));
}

}  // namespace
}  // namespace narthex
