#include "narthex/core/guix_key.hpp"

#include "guix_sample.hpp"

#include <gtest/gtest.h>

namespace narthex {
namespace {

using test::guix_file;
using test::guix_key;

std::string ed25519(const std::string& point) {
    return "(public-key (ecc (curve Ed25519) (q #" + point + "#)))";
}

// The one in the samples.
const std::string k_point = "59AE4B08BD5AEE605539058732643E8613C3D1F857EE88BBBFF031218D9AF07A";

std::string rsa(const std::string& modulus, const std::string& exponent) {
    return "(public-key (rsa (n #" + modulus + "#) (e #" + exponent + "#)))";
}

std::string entry(const std::string& key, const std::string& tag = "(tag (guix import))") {
    return "(entry " + key + " " + tag + ")";
}

std::string refusal(const std::string& text) {
    const auto keys = parse_guix_keys(text);
    return keys ? "(none)" : keys.error().message;
}

TEST(GuixKey, reads_what_guix_writes_and_writes_what_guix_reads) {
    const auto point = guix_key("ed25519");
    EXPECT_EQ(point.kind(), GuixKey::Kind::ed25519);
    EXPECT_EQ(point.to_string(), ed25519(k_point));
    EXPECT_EQ(point.short_form(), "Ed25519 key #59AE4B08BD5AEE60...");
    const auto modulus = guix_key("rsa");
    EXPECT_EQ(modulus.kind(), GuixKey::Kind::rsa);
    EXPECT_EQ(modulus.modulus().size(), 257U);
    EXPECT_EQ(modulus.exponent(), std::string("\x01\x00\x01", 3));
    EXPECT_EQ(modulus.short_form(), "RSA key #00A9CA9ED7EEC856...");
    for (const auto& key : {point, modulus})
        EXPECT_EQ(GuixKey::parse(key.to_string()).value(), key);
}

TEST(GuixKey, is_the_same_in_every_form_of_the_expression) {
    const auto bytes = from_hex(k_point).value();
    const std::string raw(bytes.begin(), bytes.end());
    for (const auto& text :
         {"(10:public-key(3:ecc(5:curve7:Ed25519)(1:q32:" + raw + ")))",
          "  (public-key\n\t(ecc (curve \"Ed25519\")(q # " + k_point + " #)))\n",
          "(public-key (ecc (q #" + k_point + "#) (curve Ed25519)))"}) {
        const auto key = GuixKey::parse(text);
        ASSERT_TRUE(key) << text;
        EXPECT_EQ(*key, guix_key("ed25519"));
    }
}

TEST(GuixKey, is_no_other_expression) {
    const auto good = ed25519(k_point);
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(GuixKey::parse(good.substr(0, size))) << size;
    }
    for (const std::string& text :
         {good + ")",
          good + good,
          good + "x",
          "x" + good,
          ed25519(k_point.substr(1)),
          ed25519(k_point.substr(2)),
          ed25519(k_point + "00"),
          ed25519("40" + k_point),
          "(public-key (ecc (curve Ed25519) (flags eddsa) (q #" + k_point + "#)))",
          "(public-key (ecc (curve Ed25519) (q #" + k_point + "#) (q #" + k_point + "#)))",
          "(public-key (ecc (curve Ed448) (q #" + k_point + "#)))",
          "(public-key (ecc (curve (Ed25519)) (q #" + k_point + "#)))",
          "(public-key (ecc (curve Ed25519) (q (#" + k_point + "#))))",
          "(public-key (dsa (curve Ed25519) (q #" + k_point + "#)))",
          "(private-key (ecc (curve Ed25519) (q #" + k_point + "#)))",
          std::string("(public-key)"),
          std::string("(public-key ecc)"),
          std::string("(public-key ())"),
          std::string("(public-key (ecc (curve Ed25519) (q \"a\\x00\")))"),
          std::string("(public-key (ecc (curve [x]Ed25519) (q |AAAA|)))"),
          std::string("()"),
          std::string("(9999999999999999999999:x)"),
          std::string("(4:abc)"),
          std::string("(%b)"),
          std::string("(#0g#)"),
          std::string(1000000, '('),
          std::string(2000000, ' ')}) {
        EXPECT_FALSE(GuixKey::parse(text)) << text.substr(0, 200);
        EXPECT_FALSE(parse_guix_keys(text)) << text.substr(0, 200);
    }
}

// Whoever has such a key could let anybody sign (libsodium: crypto_core_ed25519_is_valid_point).
TEST(GuixKey, is_a_point_of_the_large_group) {
    for (const std::string& point :
         {std::string(64, '0'),                // y = 0, of order 4
          "01" + std::string(62, '0'),         // neutral
          "ec" + std::string(60, 'f') + "7f",  // y = -1, of order 2
          "ed" + std::string(60, 'f') + "7f",  // y = p: not reduced
          "02" + std::string(62, '0'),         // on no curve
          std::string(64, 'f')}) {
        EXPECT_FALSE(GuixKey::parse(ed25519(point))) << point;
    }
}

TEST(GuixKey, takes_rsa_of_sensible_sizes) {
    const auto modulus = [](std::size_t bytes) {
        return "c1" + std::string(2 * bytes - 4, '0') + "01";
    };
    EXPECT_TRUE(GuixKey::parse(rsa(modulus(128), "03")));
    EXPECT_TRUE(GuixKey::parse(rsa("0000" + modulus(2048), "010001")));
    for (const auto& text :
         {rsa(modulus(127), "010001"),
          rsa(modulus(2049), "010001"),
          rsa(std::string(512, '0'), "010001"),
          rsa(std::string(512, '8'), "010001"),
          rsa("", ""),
          rsa(modulus(256), ""),
          rsa(modulus(256), "00"),
          rsa(modulus(256), "01"),
          rsa(modulus(256), "04"),
          rsa(modulus(256), "01000000000000000001")}) {
        EXPECT_FALSE(GuixKey::parse(text)) << text.substr(0, 100);
    }
}

TEST(GuixKeys, are_those_of_a_key_file_or_of_an_acl) {
    const std::vector<GuixKey> both = {guix_key("rsa"), guix_key("ed25519")};
    EXPECT_EQ(parse_guix_keys(guix_file("rsa.pub")).value(), std::vector{both[0]});
    const auto first = entry(guix_file("rsa.pub"));
    const auto second = entry(guix_file("ed25519.pub"));
    EXPECT_EQ(parse_guix_keys("(acl\n " + first + "\n " + second + "\n)\n").value(), both);
    EXPECT_EQ(parse_guix_keys("(acl " + first + second + first + ")").value(), both);
}

TEST(GuixKeys, are_refused_with_a_reason_that_tells_no_secret) {
    EXPECT_EQ(refusal(""), "is no s-expression of libgcrypt's");
    EXPECT_EQ(refusal("(acl)"), "is an access-control list without a key");
    const auto key = ed25519(k_point);
    EXPECT_NE(
        refusal("(acl " + entry(key, "(tag (guix export))") + ")").find("tag"), std::string::npos
    );
    EXPECT_NE(refusal("(acl (entry " + key + "))").find("entries of one key"), std::string::npos);
    EXPECT_NE(
        refusal("(acl " + entry(ed25519("00")) + ")").find("is not a Guix key"), std::string::npos
    );
    const test::GuixSigner signer;
    const auto reason = refusal(signer.key_pair());
    EXPECT_EQ(reason, "holds a private key: give the file of the public one, signing-key.pub");
}

}  // namespace
}  // namespace narthex
