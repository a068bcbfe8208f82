#include "narthex/core/tag.hpp"

#include <gtest/gtest.h>

namespace narthex {
namespace {

TEST(Tag, is_cut_at_the_first_equals_sign) {
    const auto tag = Tag::parse("key=value=more").value();
    EXPECT_EQ(tag.key, "key");
    EXPECT_EQ(tag.value, "value=more");
    EXPECT_EQ(tag.to_string(), "key=value=more");
}

TEST(Tag, has_a_grammar) {
    for (const std::string& text :
         {std::string("a=b"),
          std::string("9.Z_a:b/c-d=\xc3\xa9 \xe2\x82\xac"),
          std::string(64, 'k') + "=" + std::string(256, 'v')}) {
        const auto tag = Tag::parse(text);
        ASSERT_TRUE(tag) << text;
        EXPECT_EQ(tag->to_string(), text);
    }
    for (const std::string& text :
         {std::string(),
          std::string("="),
          std::string("a"),
          std::string("a="),
          std::string("=b"),
          std::string(" a=b"),
          std::string("a b=c"),
          std::string(".a=b"),
          std::string("\xc3\xa9=b"),
          std::string("a=b\n"),
          std::string("a=\0b", 4),
          std::string("a=\x7f"),
          std::string("a=\xc2\x85"),
          std::string("a=\xff"),
          std::string("a=\xc3"),
          std::string(65, 'k') + "=v",
          "k=" + std::string(257, 'v')}) {
        const auto tag = Tag::parse(text);
        ASSERT_FALSE(tag) << text;
        EXPECT_NE(tag.error().message.find("KEY=VALUE"), std::string::npos);
    }
}

}  // namespace
}  // namespace narthex
