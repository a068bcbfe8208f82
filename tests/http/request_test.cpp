#include "narthex/http/request.hpp"

#include <gtest/gtest.h>

#include <string>

namespace narthex::http {
namespace {

constexpr std::size_t k_limit = 1024;

TEST(ParseRequest, reads_what_guix_sends) {
    const std::string bytes =
        "GET /0a3yijp35sygmy51cnrrz11vimwapz7c.narinfo HTTP/1.1\r\nHost: 127.0.0.1:25965\r\n"
        "User-Agent: GNU Guile\r\n\r\n";
    const auto progress = parse_request(bytes, k_limit);
    ASSERT_TRUE(progress.request);
    EXPECT_EQ(progress.consumed, bytes.size());
    EXPECT_EQ(progress.request->method, Method::get);
    EXPECT_EQ(progress.request->target, "/0a3yijp35sygmy51cnrrz11vimwapz7c.narinfo");
    EXPECT_EQ(progress.request->user_agent, "GNU Guile");
    EXPECT_EQ(progress.request->host_fields, 1);
    EXPECT_TRUE(progress.request->keep_alive);
    EXPECT_FALSE(progress.request->has_body);
}

TEST(ParseRequest, takes_one_head_of_a_pipeline_at_a_time) {
    const std::string one = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    const std::string two = "HEAD /b HTTP/1.1\r\nHost: x\r\n\r\n";
    const auto first = parse_request(one + two, k_limit);
    ASSERT_TRUE(first.request);
    EXPECT_EQ(first.consumed, one.size());
    const auto second = parse_request(two, k_limit);
    ASSERT_TRUE(second.request);
    EXPECT_EQ(second.request->method, Method::head);
    EXPECT_EQ(second.request->target, "/b");
}

TEST(ParseRequest, goes_on_where_the_bytes_stopped) {
    const std::string bytes = "GET /a HTTP/1.1\r\nHost: x\r\nRange: bytes=1-\r\n\r\n";
    std::string carry;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        carry += bytes[i];
        const auto progress = parse_request(carry, k_limit);
        ASSERT_FALSE(progress.error);
        ASSERT_EQ(progress.request.has_value(), i + 1 == bytes.size());
        if (progress.request) {
            const KeptRequest kept(*progress.request);
            EXPECT_EQ(kept->range, "bytes=1-");
        }
        carry.erase(0, progress.consumed);
    }
    EXPECT_TRUE(carry.empty());
}

TEST(ParseRequest, keeps_a_request_whose_bytes_go_away) {
    std::string bytes =
        "GET /a HTTP/1.1\r\nHost: x\r\nUser-Agent: u\r\nIf-None-Match: \"e\"\r\nAccept: "
        "*/*\r\n\r\n";
    const auto progress = parse_request(bytes, k_limit);
    ASSERT_TRUE(progress.request);
    const KeptRequest kept(*progress.request);
    bytes.assign(bytes.size(), '#');
    EXPECT_EQ(kept->target, "/a");
    EXPECT_EQ(kept->host, "x");
    EXPECT_EQ(kept->user_agent, "u");
    EXPECT_EQ(kept->if_none_match, "\"e\"");
    EXPECT_EQ(kept->accept, "*/*");
    EXPECT_EQ(kept->range, "");
}

TEST(ParseRequest, refuses_values_that_are_folded_over_lines) {
    const auto progress =
        parse_request("GET / HTTP/1.1\r\nHost: x\r\nRange: a\r\n b\r\n\r\n", k_limit);
    ASSERT_TRUE(progress.error);
    EXPECT_EQ(*progress.error, BadRequest::malformed);
}

TEST(ParseRequest, tells_whether_the_connection_goes_on) {
    struct Case {
        const char* bytes;
        bool keep_alive;
    };
    for (const auto& [bytes, keep_alive] : {
             Case{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
             Case{"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false},
             Case{"GET / HTTP/1.0\r\n\r\n", false},
             Case{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
         }) {
        const auto progress = parse_request(bytes, k_limit);
        ASSERT_TRUE(progress.request) << bytes;
        EXPECT_EQ(progress.request->keep_alive, keep_alive) << bytes;
    }
}

TEST(ParseRequest, notices_bodies) {
    const std::string head = "PUT /a HTTP/1.1\r\nHost: x\r\n";
    for (const std::string field : {"Content-Length: 3", "Transfer-Encoding: chunked"}) {
        const auto progress = parse_request(head + field + "\r\n\r\n", k_limit);
        ASSERT_TRUE(progress.request) << field;
        EXPECT_TRUE(progress.request->has_body) << field;
    }
    const auto empty = parse_request(head + "Content-Length: 0\r\n\r\n", k_limit);
    ASSERT_TRUE(empty.request);
    EXPECT_FALSE(empty.request->has_body);
}

TEST(ParseRequest, refuses_what_is_not_http) {
    for (const std::string bytes :
         {"garbage\r\n\r\n",
          "GET /a\r\n\r\n",
          "GET /a HTTP/2.0\r\n\r\n",
          "GET / HTTP/1.1\r\nno colon\r\n\r\n",
          "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
          "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"}) {
        const auto progress = parse_request(bytes, k_limit);
        ASSERT_TRUE(progress.error) << bytes;
        EXPECT_EQ(*progress.error, BadRequest::malformed) << bytes;
    }
}

TEST(ParseRequest, refuses_heads_over_the_limit_whole_or_not) {
    const std::string start = "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(2 * k_limit, 'x');
    for (const auto& bytes : {start, start + "\r\n\r\n"}) {
        const auto progress = parse_request(bytes, k_limit);
        ASSERT_TRUE(progress.error);
        EXPECT_EQ(*progress.error, BadRequest::too_large);
    }
}

}  // namespace
}  // namespace narthex::http
