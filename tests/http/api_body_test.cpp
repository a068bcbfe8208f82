#include "narthex/http/api_body.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace narthex::http {
namespace {

constexpr std::int64_t k_now = 1'800'000'000;
const std::string k_a = "/nix/store/00000000000000000000000000000000-a";

Cache cache() {
    Cache cache;
    cache.store_dir = "/nix/store";
    return cache;
}

Result<service::RootRequest> root(const std::string& body) {
    return parse_root_body("name", body, cache(), k_now);
}

std::string fault(const std::string& body) {
    const auto parsed = root(body);
    return parsed ? "(none)" : parsed.error().message;
}

TEST(RootBody, is_a_path_or_paths_or_a_pattern) {
    const auto pin = root(
                         R"({"path": ")" + k_a +
                         R"(", "expires": "90d", "owner": "o", "reason": "r", "replace": true})"
    )
                         .value();
    EXPECT_EQ(pin.name, "name");
    EXPECT_EQ(pin.kind, RootKind::pin);
    EXPECT_EQ(pin.paths.at(0).name, "a");
    EXPECT_EQ(pin.expires_at, k_now + 90 * 86'400);
    EXPECT_EQ(pin.owner + pin.reason, "or");
    EXPECT_TRUE(pin.replace);
    EXPECT_FALSE(pin.never_delete);
    const auto list =
        root(R"({"paths": [")" + k_a + R"(", ")" + k_a + R"("], "owner": null})").value();
    EXPECT_EQ(list.kind, RootKind::list);
    EXPECT_EQ(list.paths.size(), 1U);
    EXPECT_FALSE(list.expires_at);
    const auto pattern = root(R"({"pattern": "x*", "expires": "2999-01-01T01:02:03Z"})").value();
    EXPECT_EQ(pattern.kind, RootKind::pattern);
    EXPECT_TRUE(pattern.expires_at);
}

TEST(RootBody, says_what_is_wrong) {
    EXPECT_EQ(fault(""), "the body isn't a JSON object");
    EXPECT_EQ(fault("[]"), "the body isn't a JSON object");
    EXPECT_EQ(fault("{"), "the body isn't a JSON object");
    EXPECT_EQ(fault("{\"path\": \"\xff\"}"), "the body isn't a JSON object");
    EXPECT_EQ(fault("{}"), "one of path, paths and pattern is needed");
    EXPECT_EQ(
        fault(R"({"path": "x", "pattern": "y"})"), "one of path, paths and pattern is needed"
    );
    EXPECT_EQ(fault(R"({"path": "x"})"), "path: a store path of /nix/store is wanted");
    EXPECT_EQ(fault(R"({"path": 7})"), "path: a text is wanted");
    EXPECT_EQ(fault(R"({"paths": "x"})"), "paths: a list of store paths is wanted");
    EXPECT_EQ(fault(R"({"paths": [7]})"), "paths: a list of store paths is wanted");
    EXPECT_EQ(fault(R"({"paths": []})"), "paths: at least one path is wanted");
    EXPECT_TRUE(
        fault(R"({"paths": [")" + k_a + R"(", "x"]})").starts_with("paths: number 2: 'x' is not")
    );
    EXPECT_TRUE(
        fault(R"({"paths": [")" + k_a + "\\n" + k_a + R"("]})").starts_with("paths: number 1: '?'")
    );
    EXPECT_EQ(fault(R"({"pattern": "x", "replace": 1})"), "replace: true or false is wanted");
    EXPECT_EQ(fault(R"({"pattern": "x", "expire": "1d"})"), "there is no field 'expire' here");
    EXPECT_TRUE(fault(R"({"pattern": "x", "expires": "2020-01-01"})").starts_with("expires: 90d"));
    EXPECT_TRUE(fault(R"({"pattern": "x", "reason": "a\nb"})").starts_with("reason: at most 1000"));
}

TEST(BumpBody, is_called_by_its_day) {
    const auto parse = [](const std::string& rest) {
        return parse_bump_body(
            "nixos", R"({"paths": [")" + k_a + "\"]" + rest + "}", cache(), k_now
        );
    };
    EXPECT_EQ(parse("")->name, "nixos@2027-01-15");
    EXPECT_EQ(parse("")->channel, "nixos");
    EXPECT_FALSE(parse("")->bumped_at);
    EXPECT_EQ(parse(R"(, "at": "2026-11-24")")->name, "nixos@2026-11-24");
    EXPECT_EQ(parse(R"(, "name": "x")")->name, "x");
    EXPECT_FALSE(parse(R"(, "at": "soon")"));
    EXPECT_FALSE(parse_bump_body("nixos", R"({"at": "2026-11-24"})", cache(), k_now));
}

TEST(ChannelBody, is_a_rule) {
    const auto rolling =
        parse_channel_body(R"({"status": "rolling", "keep_last": 3, "max_age": "90d"})").value();
    EXPECT_EQ(rolling.rule, (RetentionRule{ChannelStatus::rolling, 3, 90 * 86'400}));
    for (const std::string body :
         {"{}",
          R"({"status": "eol"})",
          R"({"status": "rolling", "keep_last": 0})",
          R"({"status": "rolling", "keep_last": 1.5})",
          R"({"status": "rolling", "keep_last": "1"})",
          R"({"status": "rolling", "keep_last": 99999999999999999999})",
          R"({"status": "supported", "max_age": "old"})",
          R"({"status": "supported", "max_age_seconds": 3})"}) {
        EXPECT_FALSE(parse_channel_body(body)) << body;
    }
}

RC_GTEST_PROP(ApiBody, survives_anything, (const std::string& body)) {
    RC_ASSERT(!root(body));
    RC_ASSERT(!parse_channel_body(body));
}

}  // namespace
}  // namespace narthex::http
