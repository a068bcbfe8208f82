#include "narthex/core/guix_signature.hpp"

#include "guix_sample.hpp"

#include "narthex/core/narinfo.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <atomic>
#include <thread>

namespace narthex {
namespace {

using test::as_signature_line;
using test::GuixSigner;

const std::string k_signers_point = test::guix_key("ed25519").to_string();

std::string signature(
    const std::string& sig_val,
    const std::string& key = k_signers_point,
    const std::string& data = "(data (flags rfc6979) (hash sha256 #" + std::string(64, 'a') + "#))"
) {
    return "(signature " + data + "(sig-val " + sig_val + ")" + key + ")";
}

std::string ecdsa(const std::string& r, const std::string& s) {
    return "(ecdsa (r #" + r + "#) (s #" + s + "#))";
}

// As Guix signs: what another program than this one made.
TEST(GuixSignature, agrees_with_what_guix_makes) {
    for (const std::string name : {"ed25519", "rsa"}) {
        const auto narinfo = Narinfo::parse(test::guix_file(name + ".narinfo")).value();
        const auto parsed = GuixSignature::parse(*narinfo.guix_signature());
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->key, test::guix_key(name));
        EXPECT_EQ(parsed->hash, Sha256::of(*narinfo.guix_signed_bytes()));
        EXPECT_TRUE(is_genuine(*parsed));
    }
}

TEST(GuixSignature, is_genuine_of_its_own_key_hash_and_values_only) {
    const GuixSigner one;
    const GuixSigner two;
    const auto good = GuixSignature::parse(one.sign_line("message")).value();
    EXPECT_TRUE(is_genuine(good));
    auto other = good;
    other.hash = Sha256::of("massage");
    EXPECT_FALSE(is_genuine(other));
    other = good;
    other.key = GuixKey::parse(two.public_key()).value();
    EXPECT_FALSE(is_genuine(other));
    other = good;
    std::swap(other.values[0], other.values[1]);
    EXPECT_FALSE(is_genuine(other));
}

TEST(GuixSignature, is_not_genuine_with_another_byte) {
    const GuixSigner signer;
    const auto good = GuixSignature::parse(signer.sign_line("message")).value();
    EXPECT_TRUE(rc::check("one byte of r or s is another", [&](std::size_t at) {
        auto bad = good;
        auto& value = bad.values[at % 2];
        value[at / 2 % value.size()] ^= static_cast<char>(*rc::gen::inRange(1, 256));
        RC_ASSERT(!is_genuine(bad));
    }));
}

TEST(GuixSignature, takes_the_rules_from_the_key_and_none_from_the_signature) {
    const GuixSigner rsa("(rsa (nbits 4:1024) (flags transient-key))", "pkcs1");
    const auto text = rsa.sign("message");
    EXPECT_TRUE(is_genuine(GuixSignature::parse(as_signature_line(text)).value()));
    // Raw RSA: whoever chooses the value finds a hash for it.
    const auto raw = test::replaced(text, "(flags pkcs1)", "(flags raw)");
    EXPECT_TRUE(is_genuine(GuixSignature::parse(as_signature_line(raw)).value()));
    const auto eddsa = signature("(eddsa (r #01#) (s #01#))");
    EXPECT_FALSE(GuixSignature::parse(as_signature_line(eddsa)));
}

TEST(GuixSignature, with_numbers_out_of_range_is_not_genuine) {
    // The order of the group, and one more.
    const std::string order = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";
    const std::string more = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ee";
    const std::vector<std::string> numbers = {
        "00",
        "01",
        order,
        more,
        std::string(64, 'f'),
        "00" + std::string(64, 'f'),
        "80",
        std::string(66, '0')};
    for (const auto& r : numbers) {
        for (const auto& s : numbers) {
            const auto parsed = GuixSignature::parse(as_signature_line(signature(ecdsa(r, s))));
            ASSERT_TRUE(parsed) << parsed.error().message;
            EXPECT_FALSE(is_genuine(*parsed)) << r << " " << s;
        }
    }
    const auto rsa = test::guix_key("rsa");
    for (const std::string& s : {std::string("00"), std::string("01"), std::string(2 * 257, 'f')}) {
        const auto text = signature("(rsa (s #" + s + "#))", rsa.to_string());
        const auto parsed = GuixSignature::parse(as_signature_line(text));
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_FALSE(is_genuine(*parsed)) << s;
    }
}

TEST(GuixSignature, is_refused_when_it_is_no_such_expression) {
    const auto good = signature(ecdsa("01", "01"));
    ASSERT_TRUE(GuixSignature::parse(as_signature_line(good)));
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(GuixSignature::parse(as_signature_line(good.substr(0, size)))) << size;
    }
    const std::string hash = "(hash sha256 #" + std::string(64, 'a') + "#)";
    const auto data = "(data (flags rfc6979) " + hash + ")";
    for (const std::string& text :
         {std::string(),
          "(x" + good.substr(std::string("(signature").size()),
          signature(""),
          signature("(ecdsa)"),
          signature("(ecdsa (r #01#))"),
          signature("(rsa (s #01#))"),
          signature("(ecdsa (r #01#) (s (#01#)))"),
          signature("(ecdsa (r #01#) (s #01#) (s #01#))"),
          signature(ecdsa("", "01")),
          signature(ecdsa(std::string(68, '1'), "01")),
          signature(ecdsa("01", "01"), ""),
          signature(ecdsa("01", "01"), k_signers_point + k_signers_point),
          signature(ecdsa("01", "01"), "(public-key (ecc (curve NIST-P256) (q #04#)))"),
          signature(ecdsa("01", "01"), k_signers_point, ""),
          signature(ecdsa("01", "01"), k_signers_point, "(data)"),
          signature(ecdsa("01", "01"), k_signers_point, "(data (hash sha1 #aa#))"),
          signature(ecdsa("01", "01"), k_signers_point, "(data (hash sha256 #aa#))"),
          signature(ecdsa("01", "01"), k_signers_point, "(data (hash sha256))"),
          signature(ecdsa("01", "01"), k_signers_point, "(data (value #aa#))"),
          signature(ecdsa("01", "01"), k_signers_point, "(data " + hash + hash + ")"),
          signature(ecdsa("01", "01"), k_signers_point, data + data),
          std::string(20000, '('),
          std::string(20000, '(') + std::string(20000, ')'),
          std::string(40000, ' ') + good}) {
        EXPECT_FALSE(GuixSignature::parse(as_signature_line(text))) << text.substr(0, 300);
    }
    for (const std::string& line :
         {std::string(),
          std::string("1;"),
          std::string("1;;"),
          std::string("1;host;!"),
          good,
          "2" + as_signature_line(good).substr(1),
          as_signature_line(good) + "="}) {
        EXPECT_FALSE(GuixSignature::parse(line)) << line;
    }
}

TEST(GuixSignature, is_verified_on_several_threads_at_once) {
    const GuixSigner signer;
    const auto good = GuixSignature::parse(signer.sign_line("message")).value();
    std::vector<std::thread> threads;
    std::atomic<int> genuine = 0;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 25; ++n) genuine += is_genuine(good) ? 1 : 0;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(genuine, 100);
}

}  // namespace
}  // namespace narthex
