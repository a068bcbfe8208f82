#include "narthex/http/route.hpp"

#include "narthex/core/store_path.hpp"

#include <gtest/gtest.h>

namespace narthex::http {
namespace {

const std::string k_hash = "0a3yijp35sygmy51cnrrz11vimwapz7c";

std::vector<Cache> caches() {
    Cache nix;
    nix.name = "default";
    Cache guix;
    guix.name = "guix";
    return {nix, guix};
}

TEST(Route, finds_the_resources_of_the_default_cache) {
    const auto all = caches();
    EXPECT_EQ(route("/", all).resource, Resource::front_page);
    EXPECT_EQ(route("/nix-cache-info", all).resource, Resource::cache_info);
    EXPECT_EQ(route("/nar/x.nar.xz", all).resource, Resource::nar);
    const auto narinfo = route("/" + k_hash + ".narinfo", all);
    EXPECT_EQ(narinfo.resource, Resource::narinfo);
    EXPECT_EQ(narinfo.cache, &all[0]);
    ASSERT_TRUE(narinfo.hash);
    EXPECT_EQ(narinfo.hash->to_string(), k_hash);
}

TEST(Route, finds_other_caches_by_their_first_component) {
    const auto all = caches();
    for (const std::string target : {"/guix", "/guix/", "/guix/?x", "http://host/guix/"}) {
        const auto found = route(target, all);
        EXPECT_EQ(found.resource, Resource::front_page) << target;
        EXPECT_EQ(found.cache, &all[1]) << target;
    }
    const auto narinfo = route("/guix/" + k_hash + ".narinfo", all);
    EXPECT_EQ(narinfo.cache, &all[1]);
    EXPECT_EQ(route("/default/nix-cache-info", all).resource, Resource::unknown);
}

TEST(Route, finds_what_tools_ask_for) {
    const auto all = caches();
    for (const std::string target : {"/api/v1/narinfos", "/get-narinfos-v1"}) {
        EXPECT_EQ(route(target, all).resource, Resource::narinfos) << target;
        EXPECT_EQ(route(target, all).cache, &all[0]) << target;
        EXPECT_EQ(route("/guix" + target, all).cache, &all[1]) << target;
    }
    const auto closure = route("/guix/api/v1/closure/" + k_hash, all);
    EXPECT_EQ(closure.resource, Resource::closure);
    EXPECT_EQ(closure.cache, &all[1]);
    EXPECT_EQ(closure.hash->to_string(), k_hash);
    EXPECT_EQ(route("/api/v1/cache/default/narinfo", all).cache, &all[0]);
    EXPECT_EQ(route("/api/v1/cache/guix/narinfo", all).resource, Resource::cachix_missing);
    EXPECT_EQ(route("/api/v1/cache/guix/narinfo", all).cache, &all[1]);
    EXPECT_EQ(route("/_api/v1/get-missing-paths", all).resource, Resource::attic_missing);
    EXPECT_EQ(route("/api/v1/instance", all).resource, Resource::instance);
    EXPECT_EQ(route("/guix/api/v1/instance", all).resource, Resource::unknown);
}

TEST(Route, keys_nars_however_they_are_spelled) {
    const auto all = caches();
    for (const std::string target : {"/nar/a+b", "/nar/a%2Bb", "/nar/a%2bb?query", "/n%61r/a+b"}) {
        EXPECT_EQ(route(target, all).nar, "nar/a+b") << target;
    }
}

TEST(Route, knows_nothing_else) {
    const auto all = caches();
    for (const std::string target :
         {"",
          "*",
          "nar/x",
          "/nar",
          "/nar/",
          "/nar/../x",
          "/nar/%2e%2e/x",
          "/nar/..%2fx",
          "/nar//x",
          "/nar/x%00",
          "/nar/%ff",
          "/nar/a%5cb",
          "//nar/x",
          "/.narinfo",
          "/e.narinfo",
          "/0a3yijp35sygmy51cnrrz11vimwapz7e.narinfo",
          "/x/y",
          "/guix/guix/nix-cache-info",
          "/api/v1/closure/",
          "/api/v1/closure/x",
          "/api/v1/cache/gui/narinfo",
          "/api/v1/cache/guix/narinfo/",
          "/api/v1/cache//narinfo",
          "/guix/api/v1/cache/guix/narinfo",
          "/guix/_api/v1/get-missing-paths",
          "/favicon.ico"}) {
        EXPECT_EQ(route(target, all).resource, Resource::unknown) << target;
    }
}

TEST(Route, serves_no_cache_before_any_is_known) {
    EXPECT_EQ(route("/nix-cache-info", {}).resource, Resource::unknown);
    EXPECT_EQ(route("/healthz", {}).resource, Resource::health);
    EXPECT_EQ(route("/readyz", {}).resource, Resource::ready);
}

TEST(Route, knows_companions_in_each_cache) {
    const auto all = caches();
    const std::string hash = "0a3yijp35sygmy51cnrrz11vimwapz7a";
    for (const auto* cache : {&all[0], &all[1]}) {
        const std::string prefix = cache == &all[0] ? "/" : "/guix/";
        const auto listing = route(prefix + hash + ".ls?x", all);
        EXPECT_EQ(listing.resource, Resource::companion);
        EXPECT_EQ(listing.cache, cache);
        EXPECT_EQ(listing.companion->path, hash + ".ls");
        // A '?' belongs to the name of a log, encoded or not.
        for (const std::string name : {"-a?b=c.drv", "-a%3Fb=c.drv"}) {
            const auto log = route(prefix + "log/" + hash + name, all);
            ASSERT_EQ(log.resource, Resource::companion) << name;
            EXPECT_EQ(log.companion->path, "log/" + hash + "-a?b=c.drv");
        }
    }
}

}  // namespace
}  // namespace narthex::http
