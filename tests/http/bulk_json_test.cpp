#include "narthex/http/bulk_json.hpp"

#include "support/made_up.hpp"

#include "narthex/core/encoding.hpp"

#include <gtest/gtest.h>

namespace narthex::http {
namespace {

using namespace test;

constexpr std::chrono::system_clock::time_point k_since{std::chrono::seconds(1'700'000'000)};

std::string json_of(const std::string& text) {
    return narinfo_json_line(Narinfo::parse(text).value(), k_since);
}

TEST(NarinfoJson, has_the_keys_that_determinate_nix_reads) {
    const auto fields = made_up_fields(1, {2, 1});
    EXPECT_EQ(
        json_of(made_up_text(1, {2, 1})),
        R"({"version":2,"storeDir":"/nix/store","path":")" + path_name(1).to_string() +
            R"(","narHash":")" + fields.nar_hash.to_sri() + R"(","narSize":1001,"references":[")" +
            path_name(2).to_string() + R"(",")" + path_name(1).to_string() +
            R"("],"ca":null,"deriver":null,"registrationTime":1700000000,"ultimate":false,)"
            R"("signatures":[],"url":"nar/1.nar.xz","compression":"xz","downloadHash":")" +
            fields.file.hash->to_sri() + "\",\"downloadSize\":101}\n"
    );
}

TEST(NarinfoJson, has_null_for_what_a_narinfo_lacks) {
    auto fields = made_up_fields(1);
    fields.file.hash.reset();
    fields.file.size.reset();
    const auto json = json_of(render_nix_narinfo(fields));
    EXPECT_NE(json.find(R"("downloadHash":null,"downloadSize":null})"), std::string::npos) << json;
}

TEST(NarinfoJson, takes_content_addresses_apart) {
    const auto hash = Sha256::of("x");
    struct Case {
        std::string ca;
        std::string json;
    };
    const auto object = [&](const std::string& method) {
        return R"({"method":")" + method + R"(","hash":")" + hash.to_sri() + R"("})";
    };
    for (const auto& [ca, json] : {
             Case{"fixed:r:" + hash.to_nix(), object("nar")},
             Case{"fixed:" + hash.to_nix(), object("flat")},
             Case{"fixed:git:" + hash.to_nix(), object("git")},
             Case{"text:" + hash.to_nix(), object("text")},
             Case{
                 "fixed:sha1:00000000000000000000000000000000",
                 R"({"method":"flat","hash":"sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA="})"},
             Case{
                 "fixed:md5:00000000000000000000000000000000",
                 R"({"method":"flat","hash":"md5-AAAAAAAAAAAAAAAAAAAAAA=="})"},
             Case{"text:sha256:" + to_base64(hash.bytes()), object("text")},
         }) {
        auto fields = made_up_fields(1);
        fields.ca = ca;
        const auto line = json_of(render_nix_narinfo(fields));
        EXPECT_NE(line.find("\"ca\":" + json + ","), std::string::npos) << ca << " " << line;
    }
}

TEST(NarinfoJson, has_the_first_file_of_guix) {
    const auto json = json_of(guix_text(1));
    EXPECT_NE(json.find(R"("compression":"gzip")"), std::string::npos) << json;
}

TEST(MissingJson, has_the_shapes_of_cachix_and_attic) {
    const std::vector hashes{path_hash(1), path_hash(2)};
    const auto array =
        "[\"" + path_hash(1).to_string() + "\",\"" + path_hash(2).to_string() + "\"]";
    EXPECT_EQ(hash_array_json(hashes), array);
    EXPECT_EQ(hash_array_json({}), "[]");
    EXPECT_EQ(missing_paths_json(hashes), "{\"missing_paths\":" + array + "}");
    EXPECT_EQ(missing_paths_json({}), "{\"missing_paths\":[]}");
    EXPECT_EQ(
        attic_error_json(404, "NoSuchCache", "m"),
        R"({"code":404,"error":"NoSuchCache","message":"m"})"
    );
}

}  // namespace
}  // namespace narthex::http
