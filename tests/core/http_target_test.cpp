#include "narthex/core/http_target.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace narthex {
namespace {

TEST(SplitTarget, cuts_at_the_first_question_mark) {
    EXPECT_EQ(split_target("/a/b"), (Target{"/a/b", std::nullopt}));
    EXPECT_EQ(split_target("/a?b=c?d"), (Target{"/a", "b=c?d"}));
    EXPECT_EQ(split_target("/a?"), (Target{"/a", ""}));
    EXPECT_EQ(split_target("/a%3Fb"), (Target{"/a%3Fb", std::nullopt}));
    EXPECT_EQ(split_target(""), (Target{"", std::nullopt}));
}

TEST(PercentDecode, decodes_both_cases_once) {
    EXPECT_EQ(percent_decode(""), "");
    EXPECT_EQ(percent_decode("a+b"), "a+b");
    EXPECT_EQ(percent_decode("%2e%2E%2F"), "../");
    EXPECT_EQ(percent_decode("%2525"), "%25");
    EXPECT_EQ(percent_decode("%c3%a9%FF"), "\xc3\xa9\xff");
}

TEST(PercentDecode, refuses_bad_escapes_and_nul) {
    for (const std::string_view text :
         {"%", "%2", "a%", "a%4", "%g0", "%0g", "%%41", "% 1", "%+1", "%-1", "%00", "a%00b"}) {
        EXPECT_FALSE(percent_decode(text)) << text;
    }
}

TEST(PercentDecode, undoes_any_encoding) {
    EXPECT_TRUE(rc::check("percent decoding round trip", [](const std::string& text) {
        std::string encoded;
        for (const char c : text) {
            RC_PRE(c != '\0');
            const auto byte = static_cast<unsigned char>(c);
            encoded += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789abcdef"[byte & 15]};
        }
        RC_ASSERT(percent_decode(encoded) == text);
    }));
}

TEST(SafeRelativePath, accepts_plain_paths) {
    for (const std::string_view path :
         {"a", "nar/x.nar.xz", "a/b/c", "...", "..a", "a..", ".a", "a b", "\xc3\xa9", "a:b", "~"}) {
        EXPECT_TRUE(is_safe_relative_path(path)) << path;
    }
}

TEST(SafeRelativePath, refuses_what_could_leave_the_directory) {
    using namespace std::string_view_literals;
    for (const std::string_view path :
         {""sv,
          "/"sv,
          "/a"sv,
          "a/"sv,
          "a//b"sv,
          "."sv,
          ".."sv,
          "./a"sv,
          "a/."sv,
          "a/./b"sv,
          "../a"sv,
          "a/.."sv,
          "a/../b"sv,
          "a\\b"sv,
          "..\\a"sv,
          "a\0b"sv,
          "a\nb"sv,
          "a\x7f"sv}) {
        EXPECT_FALSE(is_safe_relative_path(path)) << path;
    }
}

TEST(WithoutUser, takes_it_out_of_the_authority_alone) {
    EXPECT_EQ(without_user("http://me:se@cret@host/x@y?z"), "http://host/x@y?z");
    EXPECT_EQ(without_user("http://me@host"), "http://host");
    EXPECT_EQ(without_user("https://me:secret@host?q=@"), "https://host?q=@");
    for (const auto* same : {"/a@b", "/http://me@host/", "http://host/a@b", "*", "", "http://"}) {
        EXPECT_EQ(without_user(same), same);
    }
}

}  // namespace
}  // namespace narthex
