#include "narthex/core/quote.hpp"

#include <gtest/gtest.h>

namespace narthex {
namespace {

TEST(Quote, shows_printable_text_as_it_is) {
    EXPECT_EQ(quote(""), "''");
    EXPECT_EQ(quote("a b~"), "'a b~'");
}

TEST(Quote, escapes_what_a_terminal_would_obey) {
    EXPECT_EQ(quote("\x1b[2J\n\x7f\xc3\xa9"), R"('\x1b[2J\x0a\x7f\xc3\xa9')");
}

TEST(Quote, cuts_long_texts) {
    EXPECT_EQ(quote(std::string(120, 'x')), "'" + std::string(120, 'x') + "'");
    EXPECT_EQ(quote(std::string(121, 'x')), "'" + std::string(120, 'x') + "...'");
}

}  // namespace
}  // namespace narthex
