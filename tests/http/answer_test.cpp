#include "narthex/http/answer.hpp"

#include "narthex/http/front_page.hpp"

#include <gtest/gtest.h>

namespace narthex::http {
namespace {

TEST(Answer, has_a_whole_status_line_and_a_length) {
    const auto answer = text_answer(404, "404: not here");
    EXPECT_EQ(
        *answer.head,
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 14\r\n"
    );
    EXPECT_EQ(*answer.body, "404: not here\n");
}

TEST(Answer, to_head_keeps_the_length) {
    auto answer = text_answer(200, "ok");
    const auto head = answer.head;
    drop_body(answer);
    EXPECT_EQ(answer.head, head);
    EXPECT_FALSE(answer.body);
}

TEST(Answer, gives_every_status_a_reason) {
    // Guix reconnects for ever on a status line without one.
    for (const int status : {200, 206, 304, 400, 401, 404, 405, 416, 431, 500, 503}) {
        EXPECT_FALSE(reason_phrase(status).empty());
    }
    EXPECT_THROW((void)reason_phrase(202), std::logic_error);
}

TEST(HttpDate, is_the_fixed_length_form) {
    EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

Cache cache_named(const char* name, const char* store_dir) {
    Cache cache;
    cache.name = name;
    cache.store_dir = store_dir;
    return cache;
}

TEST(FrontPage, shows_how_to_use_the_cache) {
    auto nix = cache_named("default", "/nix/store");
    nix.trusted_keys.push_back(SecretKey::generate("demo-1").public_key());
    const auto page = front_page(nix, {nix}, "https://cache.example.org", "1.2.3");
    EXPECT_NE(page.find("extra-substituters = https://cache.example.org\n"), std::string::npos);
    EXPECT_NE(page.find(nix.trusted_keys[0].to_string()), std::string::npos);
    EXPECT_NE(page.find("narthex 1.2.3"), std::string::npos);
}

TEST(FrontPage, of_a_guix_cache_speaks_of_guix) {
    const auto guix = cache_named("guix", "/gnu/store");
    const auto page = front_page(guix, {guix}, "http://h", "1");
    EXPECT_NE(page.find("guix weather --substitute-urls=http://h/guix"), std::string::npos);
    EXPECT_EQ(page.find("nix.conf"), std::string::npos);
}

TEST(FrontPage, sends_clients_of_the_other_kind_to_their_cache) {
    const auto nix = cache_named("default", "/nix/store");
    const auto guix = cache_named("guix", "/gnu/store");
    const auto page = front_page(nix, {nix, guix}, "http://h", "1");
    EXPECT_NE(page.find("Use it from Guix"), std::string::npos);
    EXPECT_NE(page.find("<a href=\"http://h/guix/\">guix</a>"), std::string::npos);
    EXPECT_NE(front_page(nix, {nix}, "http://h", "1").find("none so far"), std::string::npos);
}

TEST(FrontPage, escapes_the_url_and_hides_private_caches) {
    const auto nix = cache_named("default", "/nix/store");
    auto secret = cache_named("secret", "/nix/store");
    secret.visibility = Visibility::private_cache;
    const auto page = front_page(nix, {nix, secret}, "http://<script>\"", "1");
    EXPECT_EQ(page.find("<script>"), std::string::npos);
    EXPECT_EQ(page.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace narthex::http
