#include "narthex/core/upstream.hpp"

#include "generators.hpp"
#include "narinfo_sample.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace narthex {
namespace {

using namespace test;

std::string parsed(const std::string& text) {
    const auto upstream = parse_upstream(text);
    return upstream ? *upstream : "(" + upstream.error().message + ")";
}

TEST(UpstreamUrl, loses_the_slashes_at_its_end) {
    EXPECT_EQ(parsed("https://cache.example.org"), "https://cache.example.org");
    EXPECT_EQ(parsed("https://cache.example.org/"), "https://cache.example.org");
    EXPECT_EQ(parsed("http://[::1]:8080/team//"), "http://[::1]:8080/team");
    EXPECT_EQ(parsed("http://a/b@c"), "http://a/b@c");
}

TEST(UpstreamUrl, is_nothing_that_a_path_can_not_be_appended_to_or_that_holds_a_secret) {
    for (const std::string text :
         {"",
          "https://",
          "https:///nix",
          "http://:80",
          "ftp://a",
          "file:///etc",
          "a.example.org",
          "HTTP://a",
          "https://a?b",
          "https://a#b",
          "https://a b",
          "https://a\r\nX: y",
          "https://caf\xc3\xa9.example.org",
          "https://user:secret@a/b"}) {
        EXPECT_FALSE(parse_upstream(text)) << text;
        EXPECT_EQ(parsed(text).find("secret"), std::string::npos);
    }
    EXPECT_FALSE(parse_upstream("http://" + std::string(1018, 'a')));
    EXPECT_TRUE(parse_upstream("http://" + std::string(1017, 'a')));
}

RC_GTEST_PROP(UpstreamUrl, stays_what_it_is_when_it_is_parsed_again, (const std::string& rest)) {
    const auto once = parse_upstream("https://a" + rest);
    if (!once) return;
    RC_ASSERT(parse_upstream(*once).value() == *once);
}

class Pulled : public testing::Test {
  protected:
    Pulled() {
        cache_.store_dir = "/nix/store";
        cache_.trusted_keys = {key_.public_key()};
    }

    // Of these lines, signed.
    [[nodiscard]] std::string signed_text(const Lines& lines) const {
        const auto narinfo = Narinfo::parse(join_lines(lines)).value();
        const auto sig = key_.sign(narinfo.fingerprint()).to_string();
        return join_lines(with_line(lines, "Sig", "Sig: " + sig));
    }

    [[nodiscard]] std::string fault(const std::string& text, const std::string& hash = k_path_hash)
        const {
        const auto checked = check_pulled(text, HashPart::parse(hash).value(), cache_);
        return checked ? "" : checked.error().message;
    }

    SecretKey key_ = SecretKey::generate("cache.example.org-1");
    Cache cache_;
};

TEST_F(Pulled, is_taken_as_it_is_when_a_trusted_key_signed_it) {
    const auto text = signed_text(nix_lines());
    const auto taken = check_pulled(text, HashPart::parse(k_path_hash).value(), cache_);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->text(), text);
}

TEST_F(Pulled, is_refused_without_a_signature_by_a_trusted_key) {
    EXPECT_NE(fault(join_lines(nix_lines())), "");
    EXPECT_NE(fault(join_lines(without_line(nix_lines(), "Sig"))), "");
    auto changed = signed_text(nix_lines());
    changed.replace(changed.find("226552"), 6, "226553");
    EXPECT_NE(fault(changed), "");
    const auto good = signed_text(nix_lines());
    cache_.trusted_keys = {SecretKey::generate("cache.example.org-1").public_key()};
    EXPECT_NE(fault(good), "");
    cache_.trusted_keys.clear();
    EXPECT_NE(fault(good), "");
}

TEST_F(Pulled, is_refused_for_another_path_or_store) {
    const auto text = signed_text(nix_lines());
    EXPECT_NE(fault(text, std::string(32, '0')).find("another path"), std::string::npos);
    cache_.store_dir = "/gnu/store";
    EXPECT_NE(fault(text).find("/nix/store"), std::string::npos);
}

TEST_F(Pulled, is_refused_when_it_is_no_narinfo) {
    EXPECT_NE(fault(""), "");
    EXPECT_NE(fault("<html>"), "");
    const auto text = signed_text(nix_lines());
    EXPECT_NE(fault(text.substr(0, text.size() - 1)), "");
}

TEST_F(Pulled, names_nars_that_clients_can_be_sent_to) {
    const auto with_url = [](const std::string& url) {
        return with_line(nix_lines(), "URL", "URL: " + url);
    };
    EXPECT_EQ(fault(signed_text(with_url("nar/a%2Bb.nar?hash=x"))), "");
    EXPECT_EQ(fault(signed_text(with_url("https://b.example.org/x.nar"))), "");
    EXPECT_NE(fault(signed_text(with_url("x.nar"))), "");
    EXPECT_NE(fault(signed_text(with_url("nar/x?caf\xc3\xa9"))), "");
}

}  // namespace
}  // namespace narthex
