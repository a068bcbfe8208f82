// What PostgreSQL makes of the regular expressions: tests/db/roots_pgtest.cpp.
#include "narthex/core/glob.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace narthex {
namespace {

TEST(Glob, becomes_a_regular_expression_of_the_whole_name) {
    EXPECT_EQ(glob_regex("linux-6.1").value(), "^linux\\-6\\.1$");
    EXPECT_EQ(glob_regex("a**?.b").value(), "^a.*.\\.b$");
    EXPECT_EQ(glob_regex("[a-c9]").value(), "^[a-c9]$");
    EXPECT_EQ(glob_regex("[!]a-]").value(), "^[^\\]a\\-]$");
    EXPECT_EQ(glob_regex("[^?*]").value(), "^[^\\?\\*]$");
    EXPECT_EQ(glob_regex("]+^!").value(), "^\\]\\+\\^\\!$");
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
          std::string("[a-["),
          std::string("[z-a]"),
          std::string("{a,b}"),
          std::string("a\0b", 3)}) {
        EXPECT_FALSE(glob_regex(pattern)) << pattern;
    }
    EXPECT_NE(glob_regex("a[b").error().message.find("has no ']'"), std::string::npos);
}

RC_GTEST_PROP(Glob, survives_anything, ()) {
    const auto pattern =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab-[]!^*?.")));
    const auto regex = glob_regex(pattern);
    if (regex) RC_ASSERT(regex->starts_with('^') && regex->ends_with('$'));
}

}  // namespace
}  // namespace narthex
