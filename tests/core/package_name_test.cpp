#include "narthex/core/package_name.hpp"

#include <gtest/gtest.h>

namespace narthex {
namespace {

TEST(PackageName, ends_before_the_version) {
    EXPECT_EQ(package_name("hello-2.12.1"), "hello");
    EXPECT_EQ(package_name("nixos-system-host-24.05.1"), "nixos-system-host");
    EXPECT_EQ(package_name("hello"), "hello");
    EXPECT_EQ(package_name("a-"), "a-");
    EXPECT_EQ(package_name("a-b-"), "a-b-");
    EXPECT_EQ(package_name("-1"), "");
    EXPECT_EQ(package_name(""), "");
}

}  // namespace
}  // namespace narthex
