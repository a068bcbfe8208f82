// Patterns of names against fnmatch(3), which defines them.
#include "narthex/core/glob.hpp"

#include "generators.hpp"

#include <fnmatch.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <regex>

namespace narthex {
namespace {

bool matches(const std::string& pattern, const std::string& name) {
    const auto regex = glob_regex(pattern);
    EXPECT_TRUE(regex) << pattern;
    return std::regex_match(name, std::regex(regex.value()));
}

bool fnmatches(const std::string& pattern, const std::string& name) {
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

TEST(Glob, is_of_the_whole_name) {
    EXPECT_TRUE(matches("linux-*", "linux-6.1"));
    EXPECT_FALSE(matches("linux-*", "xlinux-6.1"));
    EXPECT_FALSE(matches("linux", "linux-6.1"));
    EXPECT_TRUE(matches("*", "anything"));
    EXPECT_TRUE(matches("?.tar", "a.tar"));
    EXPECT_FALSE(matches("?.tar", "axtar"));
    EXPECT_TRUE(matches("a+b?c", "a+b?c"));
    EXPECT_TRUE(matches("[!a-c]x[]-]", "dx]"));
    EXPECT_TRUE(matches("[a^!]", "^"));
    EXPECT_FALSE(matches("[^a]", "a"));
    EXPECT_EQ(glob_regex("a**?.b").value(), "^a.*.\\.b$");
}

TEST(Glob, says_what_is_wrong) {
    for (const std::string& pattern :
         {std::string(),
          std::string(201, 'a'),
          std::string("a b"),
          std::string("a/b"),
          std::string("a\\*"),
          std::string("["),
          std::string("[]"),
          std::string("[!]"),
          std::string("a[b"),
          std::string("[[:alpha:]]"),
          std::string("[z-a]"),
          std::string("{a,b}"),
          std::string("a\0b", 3)}) {
        EXPECT_FALSE(glob_regex(pattern)) << pattern;
    }
    EXPECT_NE(glob_regex("a[b").error().message.find("has no ']'"), std::string::npos);
}

std::string any_pattern() {
    const auto set = [] {
        std::string inside = *rc::gen::element<std::string>("", "!", "^");
        inside +=
            *rc::gen::element<std::string>("a", "]", "-", "a-c", "x-z9", "ab]", "!", ".", "?*");
        // "[!]" and "[ab]]": whatever fnmatch makes of them.
        return "[" + inside + "]";
    };
    std::string pattern;
    const int parts = *rc::gen::inRange(1, 8);
    for (int i = 0; i < parts; ++i) {
        if (*rc::gen::inRange(0, 4) == 0) {
            pattern += set();
        } else {
            pattern += *rc::gen::element<std::string>(
                "*", "?", "a", "b", "c", ".", "-", "+", "=", "_", "x9", "A"
            );
        }
    }
    return pattern;
}

RC_GTEST_PROP(Glob, matches_what_fnmatch_does, ()) {
    const auto pattern = any_pattern();
    if (!glob_regex(pattern)) return;
    const auto name = *rc::gen::nonEmpty(
        rc::gen::container<std::string>(rc::gen::elementOf(std::string("abcxz9A.-+=_?")))
    );
    RC_ASSERT(matches(pattern, name) == fnmatches(pattern, name));
}

// Names made of the pattern, so that many match.
RC_GTEST_PROP(Glob, matches_itself_filled_in, ()) {
    std::string pattern;
    std::string name;
    const int parts = *rc::gen::inRange(1, 8);
    for (int i = 0; i < parts; ++i) {
        const auto filling = *test::any_name();
        switch (*rc::gen::inRange(0, 3)) {
            case 0:
                pattern += '*';
                name += filling.substr(0, 20);
                break;
            case 1:
                pattern += '?';
                name += filling[0];
                break;
            default:
                pattern += "ab-1.";
                name += "ab-1.";
        }
    }
    RC_ASSERT(fnmatches(pattern, name));
    RC_ASSERT(matches(pattern, name));
}

}  // namespace
}  // namespace narthex
