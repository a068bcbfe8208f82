#include "narthex/core/signature.hpp"

#include "generators.hpp"

#include "narthex/core/encoding.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <type_traits>

namespace narthex {
namespace {

std::string base64_of(std::size_t size) {
    return to_base64(Bytes(size, 7));
}

// RFC 8032 7.1, test 2: the message is the one byte 0x72.
const std::string k_seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const std::string k_public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const std::string k_signed =
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

std::string named(const std::string& hex) {
    return "k-1:" + to_base64(from_hex(hex).value());
}

TEST(Signature, agrees_with_rfc_8032) {
    const auto secret = SecretKey::parse(named(k_seed + k_public));
    ASSERT_TRUE(secret) << secret.error().message;
    EXPECT_EQ(secret->public_key().to_string(), named(k_public));
    EXPECT_EQ(secret->sign("\x72").to_string(), named(k_signed));
    EXPECT_EQ(secret->write_secret_key(), named(k_seed + k_public));
    EXPECT_TRUE(verify(secret->public_key(), Signature::parse(named(k_signed)).value(), "\x72"));
}

TEST(Signature, key_names_have_no_colon_white_space_or_control) {
    for (const std::string name : {"a", "cache.example.org-1", "\xc3\xa9", "!"}) {
        EXPECT_TRUE(Signature::parse(name + ":" + base64_of(64))) << name;
    }
    for (const std::string name : {"", " ", "a b", "a\tb", "a\n", "\x7f", "\x01", " a", "a "}) {
        EXPECT_FALSE(Signature::parse(name + ":" + base64_of(64))) << name;
        EXPECT_FALSE(PublicKey::parse(name + ":" + base64_of(32))) << name;
        EXPECT_THROW((void)SecretKey::generate(name), std::invalid_argument) << name;
    }
    EXPECT_FALSE(is_key_name("a:b"));
}

TEST(Signature, is_64_bytes_of_strict_base64) {
    for (const std::string& text :
         {std::string(),
          std::string("k"),
          std::string("k:"),
          base64_of(64),
          "k:" + base64_of(63),
          "k:" + base64_of(65),
          "k:" + base64_of(32),
          "k: " + base64_of(64),
          "k:" + base64_of(64) + " ",
          "k:" + base64_of(64) + "\n",
          "k:x:" + base64_of(64),
          "k:" + base64_of(64).substr(0, 86)}) {
        EXPECT_FALSE(Signature::parse(text)) << text;
    }
}

TEST(PublicKey, is_32_bytes_of_strict_base64) {
    EXPECT_TRUE(PublicKey::parse("k:" + base64_of(32)));
    for (const std::size_t size : {0, 31, 33, 64}) {
        EXPECT_FALSE(PublicKey::parse("k:" + base64_of(size))) << size;
    }
    EXPECT_FALSE(PublicKey::parse(base64_of(32)));
}

TEST(PublicKey, error_never_shows_a_secret_key_given_by_mistake) {
    const std::string secret = SecretKey::generate("k").write_secret_key();
    for (const std::string& text : {secret, secret.substr(2), " " + secret}) {
        const auto key = PublicKey::parse(text);
        ASSERT_FALSE(key);
        EXPECT_EQ(key.error().message.find(secret.substr(2, 10)), std::string::npos);
    }
}

TEST(SecretKey, error_never_shows_the_text) {
    const std::string secret = SecretKey::generate("k").write_secret_key();
    for (const std::string& text :
         {secret.substr(2), secret + "x", " " + secret, secret.substr(0, 80), std::string("k:")}) {
        const auto key = SecretKey::parse(text);
        ASSERT_FALSE(key);
        EXPECT_EQ(key.error().message.find(secret.substr(2, 10)), std::string::npos);
    }
}

TEST(SecretKey, halves_must_belong_together) {
    const std::string other = to_hex(SecretKey::generate("k").public_key().bytes);
    const auto key = SecretKey::parse(named(k_seed + other));
    ASSERT_FALSE(key);
    EXPECT_NE(key.error().message.find("halves"), std::string::npos);
}

TEST(SecretKey, is_fresh_each_time) {
    const SecretKey a = SecretKey::generate("k");
    const SecretKey b = SecretKey::generate("k");
    EXPECT_NE(a.public_key(), b.public_key());
    EXPECT_EQ(a.public_key().name, "k");
}

TEST(Verify, needs_the_name_of_the_key) {
    const SecretKey key = SecretKey::generate("k");
    Signature signature = key.sign("m");
    EXPECT_TRUE(verify(key.public_key(), signature, "m"));
    signature.key_name = "other";
    EXPECT_FALSE(verify(key.public_key(), signature, "m"));
}

TEST(VerifyAny, needs_one_good_pair) {
    const SecretKey a = SecretKey::generate("a");
    const SecretKey b = SecretKey::generate("b");
    const std::vector<PublicKey> keys = {a.public_key(), b.public_key()};
    const std::vector<Signature> bad_and_good = {a.sign("other"), b.sign("m")};
    EXPECT_TRUE(verify_any(keys, bad_and_good, "m"));
    EXPECT_FALSE(verify_any(keys, {}, "m"));
    EXPECT_FALSE(verify_any({}, bad_and_good, "m"));
    EXPECT_FALSE(verify_any(std::span(keys).first(1), bad_and_good, "m"));
}

TEST(Verify, fails_when_a_bit_flips) {
    const SecretKey secret = SecretKey::generate("k");
    EXPECT_TRUE(rc::check("a flipped bit of message, signature or key", [&] {
        std::string message = *rc::gen::nonEmpty<std::string>();
        Signature signature = secret.sign(message);
        PublicKey key = secret.public_key();
        RC_ASSERT(verify(key, signature, message));
        const auto bit = static_cast<unsigned char>(1 << *rc::gen::inRange(0, 8));
        switch (*rc::gen::inRange(0, 3)) {
            case 0:
                message[*rc::gen::inRange<std::size_t>(0, message.size())] ^=
                    static_cast<char>(bit);
                break;
            case 1:
                signature.bytes[*rc::gen::inRange<std::size_t>(0, 64)] ^= bit;
                break;
            default:
                key.bytes[*rc::gen::inRange<std::size_t>(0, 32)] ^= bit;
        }
        RC_ASSERT(!verify(key, signature, message));
    }));
}

TEST(Keys, round_trip) {
    EXPECT_TRUE(rc::check("keys and signatures round trip", [](const std::string& message) {
        const SecretKey secret = SecretKey::generate(*test::any_name());
        const PublicKey key = secret.public_key();
        const Signature signature = secret.sign(message);
        RC_ASSERT(PublicKey::parse(key.to_string()).value() == key);
        RC_ASSERT(Signature::parse(signature.to_string()).value() == signature);
        const SecretKey again = SecretKey::parse(secret.write_secret_key()).value();
        RC_ASSERT(again.sign(message) == signature);
    }));
}

}  // namespace
}  // namespace narthex
