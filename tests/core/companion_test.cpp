#include "narthex/core/companion.hpp"

#include "narthex/core/http_target.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace narthex {
namespace {

const std::string k_hash = "0a3yijp35sygmy51cnrrz11vimwapz7a";
const std::string k_hex(64, 'a');

TEST(CompanionPath, knows_what_nix_publishes) {
    const auto listing = parse_companion_path(k_hash + ".ls");
    ASSERT_TRUE(listing);
    EXPECT_EQ(listing->kind, CompanionKind::listing);
    EXPECT_EQ(listing->output->to_string(), k_hash);

    const auto log = parse_companion_path("log/" + k_hash + "-a+b?c=d_1.0.drv");
    ASSERT_TRUE(log);
    EXPECT_EQ(log->kind, CompanionKind::log);
    EXPECT_FALSE(log->output);

    for (const std::string path : {"debuginfo/0123456789abcdef.debug", "debuginfo/00ff"}) {
        ASSERT_TRUE(parse_companion_path(path)) << path;
        EXPECT_EQ(parse_companion_path(path)->kind, CompanionKind::debuginfo);
    }
    const auto trace = parse_companion_path("build-trace-v17/" + k_hash + "-x.drv/dev.doi");
    ASSERT_TRUE(trace);
    EXPECT_EQ(trace->kind, CompanionKind::build_trace);
}

TEST(CompanionPath, is_the_same_however_it_is_encoded) {
    const auto raw = parse_companion_path("realisations/sha256:" + k_hex + "!out.doi");
    const auto encoded = parse_companion_path("realisations%2fsha256%3A" + k_hex + "%21out.doi");
    ASSERT_TRUE(raw && encoded);
    EXPECT_EQ(raw->kind, CompanionKind::realisation);
    EXPECT_EQ(raw->path, encoded->path);
}

TEST(CompanionPath, is_absent_for_all_else) {
    for (const std::string& path : {
             std::string(),
             std::string(".ls"),
             "x" + k_hash + ".ls",
             k_hash + ".ls/",
             "/" + k_hash + ".ls",
             "../" + k_hash + ".ls",
             "log/" + k_hash + ".ls",
             std::string("log/"),
             std::string("log/x.drv"),
             "log/" + k_hash + "-a/b.drv",
             "log/" + k_hash + "-a%2fb.drv",
             "log/" + k_hash + "-a%00.drv",
             "log/" + k_hash + "-a b.drv",
             "log/../" + k_hash + "-a.drv",
             "log/" + k_hash + "-" + std::string(212, 'a'),
             std::string("debuginfo/"),
             std::string("debuginfo/xyz.debug"),
             std::string("debuginfo/..debug"),
             "debuginfo/" + std::string(129, 'a'),
             "realisations/sha256:" + k_hex + "!out",
             "realisations/sha256:" + k_hex + "!.doi",
             "realisations/sha256:" + k_hex + ".doi",
             "realisations/sha512:" + k_hex + "!out.doi",
             "realisations/sha256:" + k_hex + "!../x.doi",
             "build-trace-v/" + k_hash + "-x.drv/out.doi",
             "build-trace-v2x/" + k_hash + "-x.drv/out.doi",
             "build-trace-v2/" + k_hash + "-x/out.doi",
             "build-trace-v2/" + k_hash + "-x.drv/out",
             "build-trace-v2/" + k_hash + "-x.drv/.doi",
             "build-trace-v2/" + k_hash + "-x.drv.doi",
             "build-trace-v2/" + k_hash + "-x.drv/a/out.doi",
             "build-trace-v1234567890/" + k_hash + "-x.drv/out.doi",
             std::string(100'000, 'a') + ".ls",
         }) {
        EXPECT_FALSE(parse_companion_path(path)) << path.substr(0, 200);
    }
}

RC_GTEST_PROP(CompanionPath, is_safe_to_keep, (const std::string& tail)) {
    for (const std::string prefix :
         {"", "log/", "debuginfo/", "realisations/", "build-trace-v2/"}) {
        const auto found = parse_companion_path(prefix + tail);
        RC_ASSERT((!found || is_safe_relative_path(found->path)));
    }
}

}  // namespace
}  // namespace narthex
