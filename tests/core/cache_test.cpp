#include "narthex/core/cache.hpp"

#include <gtest/gtest.h>

#include <string>

namespace narthex {
namespace {

TEST(CacheName, is_lower_case_letters_digits_and_dashes) {
    using namespace std::string_literals;
    for (const std::string& name :
         {"default"s, "a"s, "0"s, "team-1"s, "x_y"s, "a-"s, "9_"s, "guix"s, std::string(63, 'a')}) {
        EXPECT_TRUE(is_cache_name(name)) << name;
    }
}

TEST(CacheName, is_nothing_else) {
    using namespace std::string_literals;
    for (const std::string& name :
         {""s,
          "-a"s,
          "_a"s,
          "A"s,
          "aB"s,
          "a.b"s,
          "."s,
          ".."s,
          "a/b"s,
          "a b"s,
          "a\n"s,
          "a\0b"s,
          "caf\xc3\xa9"s,
          "%61"s,
          std::string(64, 'a')}) {
        EXPECT_FALSE(is_cache_name(name)) << name;
    }
}

TEST(CacheName, is_not_what_clients_ask_for_at_the_root) {
    for (const std::string_view name :
         {"nar",
          "log",
          "realisations",
          "build-trace-v2",
          "debuginfo",
          "nix-cache-info",
          "healthz",
          "readyz",
          "metrics",
          "api",
          "_api",
          "get-narinfos-v1",
          "file"}) {
        EXPECT_FALSE(is_cache_name(name)) << name;
    }
}

TEST(CacheInfo, has_the_lines_that_nix_reads) {
    Cache cache;
    cache.name = k_default_cache;
    cache.store_dir = "/gnu/store";
    EXPECT_EQ(
        render_cache_info(cache),
        "StoreDir: /gnu/store\nWantMassQuery: 1\nPriority: 40\n"
        "GetNarInfosV1: /get-narinfos-v1\n"
    );
    cache.name = "guix";
    cache.want_mass_query = false;
    cache.priority = 0;
    EXPECT_EQ(
        render_cache_info(cache),
        "StoreDir: /gnu/store\nWantMassQuery: 0\nPriority: 0\n"
        "GetNarInfosV1: /guix/get-narinfos-v1\n"
    );
}

TEST(CacheInfo, of_a_pull_through_cache_sends_nobody_to_bulk_requests) {
    Cache cache;
    cache.name = "mirror";
    cache.store_dir = "/nix/store";
    cache.upstreams = {"https://cache.example.org"};
    EXPECT_EQ(render_cache_info(cache), "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n");
}

TEST(PullThrough, is_nothing_to_publish_into) {
    Cache cache;
    cache.name = "mirror";
    EXPECT_TRUE(check_publishable(cache));
    cache.upstreams = {"https://cache.example.org"};
    EXPECT_NE(check_publishable(cache).error().message.find("mirror"), std::string::npos);
}

}  // namespace
}  // namespace narthex
