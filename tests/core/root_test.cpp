#include "narthex/core/root.hpp"

#include <gtest/gtest.h>

#include <string>

namespace narthex {
namespace {

TEST(RootName, has_a_grammar) {
    for (const std::string& name :
         {std::string("a"),
          std::string("nixos-24.05@2026-11-24"),
          std::string("9:team/app+x_y"),
          std::string(128, 'n')}) {
        EXPECT_TRUE(check_root_name(name)) << name;
    }
    for (const std::string& name :
         {std::string(),
          std::string("-a"),
          std::string(".a"),
          std::string("/a"),
          std::string("a b"),
          std::string("a\n"),
          std::string("a%"),
          std::string("\xc3\xa9"),
          std::string("a\0b", 3),
          std::string(129, 'n')}) {
        const auto checked = check_root_name(name);
        ASSERT_FALSE(checked) << name;
        EXPECT_NE(checked.error().message.find("1 to 128"), std::string::npos);
    }
}

TEST(RootKind, has_a_word) {
    for (const auto kind : k_root_kinds) EXPECT_EQ(parse_root_kind(to_string(kind)), kind);
    EXPECT_FALSE(parse_root_kind(""));
    EXPECT_FALSE(parse_root_kind("Pin"));
}

}  // namespace
}  // namespace narthex
