#include "narthex/core/nar_url.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace narthex {
namespace {

TEST(NarUrl, of_another_server_has_a_scheme) {
    EXPECT_TRUE(names_another_server("https://cache.example.org/nar/x.nar.xz"));
    EXPECT_TRUE(names_another_server("http://a/b"));
    EXPECT_FALSE(names_another_server("nar/x.nar.xz"));
    EXPECT_FALSE(names_another_server("nar/https:/x"));
}

TEST(NarPath, is_decoded_and_without_its_query) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"nar/x.nar.xz", "nar/x.nar.xz"},
        {"nar/gzip/hash-name-1.0", "nar/gzip/hash-name-1.0"},
        {"nar/x.nar.xz?hash=y", "nar/x.nar.xz"},
        {"nar/x.nar?", "nar/x.nar"},
        {"nar/libstdc%2B%2B", "nar/libstdc++"},
        {"nar/libstdc++", "nar/libstdc++"},
        {"n%61r/x", "nar/x"},
        {"nar%2Fx", "nar/x"},
        {"nar/...", "nar/..."},
        {"nar/x?../..", "nar/x"},
    };
    for (const auto& [url, path] : table) EXPECT_EQ(nar_path(url), path) << url;
}

TEST(NarPath, is_absent_where_it_is_not_below_nar) {
    for (const std::string url :
         {"",
          "nar",
          "nar/",
          "x.nar.xz",
          "Nar/x",
          "narx/y",
          "log/x",
          "file/x/sha256/y",
          "?nar/x",
          "https://a/nar/x"}) {
        EXPECT_FALSE(nar_path(url)) << url;
    }
}

TEST(NarPath, is_absent_where_it_could_leave_the_directory) {
    using namespace std::string_literals;
    for (const std::string& url :
         {"/nar/x"s,
          "nar/../x"s,
          "nar/.."s,
          "nar/./x"s,
          "nar/a/../../x"s,
          "nar//x"s,
          "nar/x/"s,
          "nar/%2e%2e/x"s,
          "nar/%2E./x"s,
          "nar/..%2fx"s,
          "nar/x%00"s,
          "nar/x%0a"s,
          "nar/%5c..%5cx"s,
          "nar/x%"s,
          "nar/x%zz"s}) {
        EXPECT_FALSE(nar_path(url)) << url;
    }
}

// The database's text is UTF-8; bytes that are not would fail a lookup.
TEST(NarPath, is_absent_where_it_is_not_ascii) {
    for (const std::string url : {"nar/%ff", "nar/%c3%a9", "nar/\xc3\xa9"}) {
        EXPECT_FALSE(nar_path(url)) << url;
    }
}

TEST(NarTarget, is_read_as_the_same_path) {
    EXPECT_EQ(nar_target("nar/0abc.nar.xz"), "nar/0abc.nar.xz");
    EXPECT_EQ(nar_target("nar/a b%?#"), "nar/a%20b%25%3F%23");
    for (const std::string path : {"nar/x", "nar/gzip/a+b=c@~", "nar/a b%41?#&"}) {
        EXPECT_EQ(nar_path(nar_target(path)), path);
    }
}

TEST(HashInNarPath, is_what_stands_before_the_first_dot) {
    const auto hash = Sha256::of("a NAR");
    const auto digits = hash.to_nix().substr(7);
    for (const std::string end : {"", ".nar", ".nar.xz", ".narx"}) {
        EXPECT_EQ(hash_in_nar_path("nar/" + digits + end), hash) << end;
        EXPECT_EQ(hash_in_nar_path("nar/deeper/" + digits + end), hash) << end;
    }
    for (const std::string& other :
         {std::string("nar/x.nar"),
          std::string("nar/.nar"),
          "nar/" + digits + "1.nar",
          "nar/" + digits.substr(1) + ".nar"}) {
        EXPECT_FALSE(hash_in_nar_path(other)) << other;
    }
    // 'e' is no digit.
    EXPECT_FALSE(hash_in_nar_path("nar/" + std::string(52, 'e') + ".nar"));
}

}  // namespace
}  // namespace narthex
