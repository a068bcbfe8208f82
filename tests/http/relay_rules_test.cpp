#include "narthex/http/relay_rules.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace narthex::http {
namespace {

constexpr std::array k_methods = {
    Method::get,
    Method::head,
    Method::post,
    Method::put,
    Method::query,
    Method::del,
    Method::other};

TEST(RelayRules, what_is_written_is_for_the_primary_whoever_writes) {
    for (const auto resource :
         {Resource::nar, Resource::narinfo, Resource::companion, Resource::cache_info}) {
        EXPECT_TRUE(is_for_primary(Method::put, resource, false));
        EXPECT_TRUE(is_for_primary(Method::put, resource, true));
    }
    EXPECT_FALSE(is_for_primary(Method::put, Resource::front_page, true));
}

TEST(RelayRules, readers_are_answered_here) {
    for (std::size_t i = 0; i < k_resources; ++i) {
        for (const auto method : k_methods) {
            if (method == Method::put) continue;
            EXPECT_FALSE(is_for_primary(method, static_cast<Resource>(i), false));
        }
    }
}

TEST(RelayRules, what_publishers_ask_is_for_the_primary) {
    for (const auto method : {Method::get, Method::head}) {
        EXPECT_TRUE(is_for_primary(method, Resource::narinfo, true));
        EXPECT_TRUE(is_for_primary(method, Resource::companion, true));
        EXPECT_FALSE(is_for_primary(method, Resource::cache_info, true));
        EXPECT_FALSE(is_for_primary(method, Resource::closure, true));
    }
    for (const auto bulk :
         {Resource::narinfos, Resource::cachix_missing, Resource::attic_missing}) {
        EXPECT_TRUE(is_for_primary(Method::post, bulk, true));
        EXPECT_TRUE(is_for_primary(Method::query, bulk, true));
        EXPECT_FALSE(is_for_primary(Method::get, bulk, true));
    }
}

// Its existence is asked before an upload; its bytes come from nearby for publishers, too.
TEST(RelayRules, only_the_head_of_a_nar_is_for_the_primary) {
    EXPECT_TRUE(is_for_primary(Method::head, Resource::nar, true));
    EXPECT_FALSE(is_for_primary(Method::get, Resource::nar, true));
}

TEST(RelayRules, keeps_path_and_query) {
    EXPECT_EQ(url_at_primary("http://a", "/x?y=%20z"), "http://a/x?y=%20z");
    EXPECT_EQ(url_at_primary("https://a:1/below/", "/x"), "https://a:1/below/x");
    EXPECT_EQ(url_at_primary("http://a", "http://b:2/x?y"), "http://a/x?y");
    EXPECT_EQ(url_at_primary("http://a", "http://b"), "http://a/");
    EXPECT_EQ(url_at_primary("http://a", "/log/x://y"), "http://a/log/x://y");
}

TEST(RelayRules, passes_on_what_the_request_says_and_nothing_of_its_hop) {
    Request request;
    request.method = Method::put;
    request.host = "region.example";
    request.expects_100 = true;
    EXPECT_EQ(relayed_fields(request, "id"), std::vector<std::string>{"Narthex-Instance: id"});
    request.authorization = "Bearer t";
    request.content_type = "text/plain";
    request.content_encoding = "xz";
    request.accept = "text/x-nix-narinfo";
    request.user_agent = "Nix/2.26";
    request.relayed_by = "another";
    auto fields = relayed_fields(request, "id");
    std::ranges::sort(fields);
    const std::vector<std::string> wanted{
        "Accept: text/x-nix-narinfo",
        "Authorization: Bearer t",
        "Content-Encoding: xz",
        "Content-Type: text/plain",
        "Narthex-Instance: id",
        "User-Agent: Nix/2.26"};
    EXPECT_EQ(fields, wanted);
}

TEST(RelayRules, passes_on_what_the_answer_says_and_nothing_of_its_hop) {
    service::ExchangeHead head;
    head.status = 401;
    head.fields = {
        {"content-type", "text/plain; charset=utf-8"},
        {"content-length", "9"},
        {"www-authenticate", "Basic realm=\"narthex\""},
        {"connection", "keep-alive"},
        {"date", "today"},
        {"set-cookie", "a=b"}};
    EXPECT_EQ(
        relayed_head(head, 9)->take(),
        "HTTP/1.1 401 Unauthorized\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 9\r\n"
        "WWW-Authenticate: Basic realm=\"narthex\"\r\n"
    );
    head.status = 204;
    head.fields.clear();
    EXPECT_EQ(relayed_head(head, std::nullopt)->take(), "HTTP/1.1 204 No Content\r\n");
    head.status = 418;
    EXPECT_FALSE(relayed_head(head, 0));
}

}  // namespace
}  // namespace narthex::http
