#include "narthex/core/trust.hpp"

#include "guix_sample.hpp"
#include "narinfo_sample.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace narthex {
namespace {

using test::GuixSigner;

GuixKey key_of(const GuixSigner& signer) {
    return GuixKey::parse(signer.public_key()).value();
}

// The sample's lines up to Signature are what is signed; those after it are not.
std::string signed_by(const GuixSigner& signer, test::Lines lines = test::guix_lines()) {
    const auto signature = std::ranges::find_if(lines, [](const std::string& line) {
        return line.starts_with("Signature:");
    });
    const auto message = test::join_lines(test::Lines(lines.begin(), signature));
    *signature = "Signature: " + signer.sign_line(message);
    return test::join_lines(lines);
}

std::string refusal(const std::string& text, const TrustedKeys& keys) {
    const auto checked = check_trust(Narinfo::parse(text).value(), keys);
    return checked ? "" : checked.error().message;
}

class Trust : public testing::Test {
  protected:
    GuixSigner signer_;
    GuixSigner stranger_;
    TrustedKeys keys_{{}, {key_of(signer_)}};
};

TEST_F(Trust, is_not_asked_for_without_keys) {
    EXPECT_EQ(refusal(test::join_lines(test::nix_lines()), {}), "");
    EXPECT_EQ(refusal(test::join_lines(test::guix_lines()), {}), "");
}

TEST_F(Trust, goes_to_what_an_authorised_key_signed) {
    keys_.guix.insert(keys_.guix.begin(), key_of(stranger_));
    EXPECT_EQ(refusal(signed_by(signer_), keys_), "");
    for (const std::string name : {"ed25519", "rsa"}) {
        EXPECT_EQ(refusal(test::guix_file(name + ".narinfo"), {{}, {test::guix_key(name)}}), "");
    }
}

TEST_F(Trust, goes_to_no_stranger) {
    const auto name = key_of(stranger_).short_form();
    EXPECT_EQ(
        refusal(signed_by(stranger_), keys_),
        "is signed by the " + name +
            ", which isn't authorised: give its file with --authorized-key if you trust it"
    );
    EXPECT_EQ(
        refusal(signed_by(stranger_), {{SecretKey::generate("k").public_key()}, {}}),
        refusal(signed_by(stranger_), keys_)
    );
}

TEST_F(Trust, ends_where_a_signed_byte_is_another) {
    const auto good = signed_by(signer_);
    const auto end = good.find("Signature:");
    const std::vector<std::pair<std::string, std::string>> changes = {
        {"-sample-1.0\n", "-sample-1.1\n"},
        {"NarSize: 226552", "NarSize: 226553"},
        {"-hello-2.12.1", "-hello-2.12.2"},
        {"Deriver: ", "Deriver:  "},
        {"StorePath", "Sig: a:" + test::sample_sig().substr(20) + "\nStorePath"},
    };
    for (const auto& [from, to] : changes) {
        ASSERT_LT(good.find(from), end);
        const auto parsed = Narinfo::parse(test::replaced(good, from, to));
        if (!parsed) continue;
        const auto checked = check_trust(*parsed, keys_);
        ASSERT_FALSE(checked) << to;
        EXPECT_NE(
            checked.error().message.find("was changed after the Ed25519 key #"), std::string::npos
        );
    }
}

TEST_F(Trust, does_not_end_with_lines_after_the_signature) {
    const auto good = signed_by(signer_);
    EXPECT_EQ(refusal(good + "Sig: " + test::sample_sig() + "\n", keys_), "");
    EXPECT_EQ(refusal(test::replaced(good, "FileSize: 70000", "FileSize: 70001"), keys_), "");
}

TEST_F(Trust, covers_files_before_the_signature_in_old_layouts) {
    auto lines = test::guix_lines();
    std::rotate(lines.begin() + 5, lines.begin() + 6, lines.end());
    const auto old = signed_by(signer_, lines);
    EXPECT_EQ(refusal(old, keys_), "");
    EXPECT_NE(refusal(test::replaced(old, "FileSize: 70000", "FileSize: 70001"), keys_), "");
}

TEST_F(Trust, wants_path_hash_and_references_among_what_is_signed) {
    for (const std::string key : {"StorePath", "NarHash", "References"}) {
        auto lines = test::guix_lines();
        const auto moved = std::ranges::find_if(lines, [&](const std::string& line) {
            return line.starts_with(key + ":");
        });
        std::rotate(moved, moved + 1, lines.end());
        EXPECT_NE(
            refusal(signed_by(signer_, lines), keys_).find("has no signature"), std::string::npos
        ) << key;
    }
}

TEST_F(Trust, ends_where_the_signature_is_another_or_a_ruin) {
    const auto good = signed_by(signer_);
    const auto message = good.substr(0, good.find("Signature:"));
    const auto with = [&](const std::string& sexp) {
        return message + "Signature: " + test::as_signature_line(sexp) + "\n" +
               good.substr(good.find("URL:"));
    };
    const auto theirs = stranger_.sign(message);
    // The authorised key's name under what somebody else signed.
    const auto forged = test::replaced(theirs, stranger_.public_key(), signer_.public_key());
    EXPECT_NE(refusal(with(forged), keys_).find("didn't make"), std::string::npos);
    EXPECT_NE(
        refusal(with(signer_.sign("another text")), keys_).find("was changed"), std::string::npos
    );
    EXPECT_NE(refusal(with("(signature)"), keys_).find("lacks data"), std::string::npos);
    EXPECT_NE(refusal(with("nonsense"), keys_).find("isn't 1;HOST;BASE64"), std::string::npos);
}

TEST_F(Trust, goes_to_a_guix_narinfo_with_a_known_sig_of_nix) {
    const auto nix_key = SecretKey::generate("nix-1");
    const auto text = signed_by(stranger_);
    const auto sig = nix_key.sign(Narinfo::parse(text).value().fingerprint());
    keys_.nix = {nix_key.public_key()};
    EXPECT_EQ(refusal(text + "Sig: " + sig.to_string() + "\n", keys_), "");
    EXPECT_NE(refusal(text, keys_), "");
}

TEST_F(Trust, is_missed_in_what_nobody_signed) {
    EXPECT_NE(
        refusal(test::join_lines(test::without_line(test::guix_lines(), "Signature")), keys_)
            .find("has no signature"),
        std::string::npos
    );
    EXPECT_EQ(
        refusal(test::join_lines(test::without_line(test::nix_lines(), "Sig")), keys_),
        "has no Sig line, and trusted keys are required"
    );
    EXPECT_EQ(
        refusal(test::join_lines(test::nix_lines()), keys_),
        "has no valid signature by a trusted key (signed by cache.example.org-1)"
    );
}

TEST_F(Trust, has_each_key_once) {
    auto both = keys_;
    both.add(keys_);
    EXPECT_EQ(both, keys_);
    both.add({{SecretKey::generate("k").public_key()}, {key_of(stranger_)}});
    EXPECT_EQ(both.nix.size(), 1U);
    EXPECT_EQ(both.guix.size(), 2U);
}

}  // namespace
}  // namespace narthex
