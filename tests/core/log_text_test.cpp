#include "narthex/core/log_text.hpp"

#include <gtest/gtest.h>

namespace narthex {
namespace {

TEST(LogText, cannot_forge_a_line) {
    EXPECT_EQ(log_text("/x\" level=error\n\x1b[0m\\"), "\"/x\\x22 level=error\\x0a\\x1b[0m\\x5c\"");
    EXPECT_EQ(log_text(std::string(2000, 'a')).size(), 514U);
}

}  // namespace
}  // namespace narthex
