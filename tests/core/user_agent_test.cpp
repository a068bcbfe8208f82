#include "narthex/core/user_agent.hpp"

#include <gtest/gtest.h>

namespace narthex {
namespace {

TEST(UserAgent, tells_the_version_of_nix) {
    const struct {
        std::string_view text;
        NixVersion version;
    } cases[] = {
        {"curl/7.88.1 Nix/2.8.0", {2, 8}},
        {"curl/8.14.1 Nix/2.26.3 foo", {2, 26}},
        {"Nix/2.35pre20250101_abcdef", {2, 35}},
        {"curl/8.14.1  Nix/2.32", {2, 32}},
        {"Nix/10.0", {10, 0}},
        {"Nix/4294967295.4294967295", {4294967295, 4294967295}},
    };
    for (const auto& [text, version] : cases) EXPECT_EQ(nix_version(text), version) << text;
}

TEST(UserAgent, is_absent_for_others_and_for_garbage) {
    const std::string_view cases[] = {
        "",
        " ",
        "curl/7.88.1",
        "GNU Guile",
        "Nix",
        "Nix/",
        "Nix/x",
        "Nix/2",
        "Nix/2.",
        "Nix/2.x",
        "Nix/.5",
        "Nix/-2.5",
        "Nix/+2.5",
        "Nix/ 2.5",
        "nix/2.5",
        "XNix/2.5",
        "curl/8 Lix/2.91.0",
        "Nix/4294967296.1",
        "Nix/2.99999999999999999999999999",
        "Nix/99999999999999999999999999.1",
    };
    for (const std::string_view text : cases) EXPECT_FALSE(nix_version(text)) << text;
}

TEST(UserAgent, versions_are_ordered) {
    EXPECT_LT((NixVersion{2, 8}), (NixVersion{2, 32}));
    EXPECT_LT((NixVersion{2, 99}), (NixVersion{3, 0}));
}

}  // namespace
}  // namespace narthex
