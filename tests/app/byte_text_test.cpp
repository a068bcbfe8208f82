#include "narthex/app/byte_text.hpp"

#include <gtest/gtest.h>

namespace narthex::app {
namespace {

TEST(ByteText, has_a_unit_that_fits) {
    EXPECT_EQ(byte_text(0), "0 B");
    EXPECT_EQ(byte_text(1023), "1023 B");
    EXPECT_EQ(byte_text(1024), "1.0 KiB");
    EXPECT_EQ(byte_text(1536), "1.5 KiB");
    EXPECT_EQ(byte_text(5ULL << 40), "5.0 TiB");
    EXPECT_EQ(byte_text(5000ULL << 50), "5000.0 PiB");
}

}  // namespace
}  // namespace narthex::app
