#include "narthex/http/relayed_answer.hpp"

#include "support/scripted_server.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <future>
#include <stdexcept>

namespace narthex::http {
namespace {

using test::ScriptedServer;

const std::string k_large(400 * 1024, 'x');

template <class T>
T wait_for(std::future<T> future) {
    if (future.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
        throw std::runtime_error("nothing is called back");
    }
    return future.get();
}

// What a client of the region gets.
struct Relayed {
    int status;
    std::string head;
    std::string body;
    bool whole;
};

Relayed all_of(const Answer& answer) {
    Relayed out{answer.status, *answer.head, answer.body ? *answer.body : "", true};
    while (answer.source) {
        auto next = std::make_shared<std::promise<std::optional<std::string>>>();
        answer.source->next([next](auto piece) { next->set_value(std::move(piece)); });
        const auto piece = wait_for(next->get_future());
        out.whole = piece.has_value();
        if (!piece || piece->empty()) break;
        out.body += *piece;
    }
    return out;
}

// Of a primary that answers this.
Relayed relay(const std::string& answer) {
    const ScriptedServer primary([&](ScriptedServer::Client& client) {
        (void)client.read_head();
        client.send(answer);
    });
    service::Exchanges exchanges(service::ExchangeLimits{});
    auto done = std::make_shared<std::promise<Answer>>();
    service::ExchangeRequest request;
    request.url = primary.url() + "/x";
    const auto exchange = exchanges.start(request, [done](const auto& with, const auto& what) {
        relay_answer(
            with,
            std::get<service::ExchangeHead>(what),
            Method::get,
            [done](Answer final) { done->set_value(std::move(final)); }
        );
    });
    return all_of(wait_for(done->get_future()));
}

std::string head_with(const std::string& fields) {
    return "HTTP/1.1 200 OK\r\n" + fields + "Connection: close\r\n\r\n";
}

std::string length_of(const std::string& body) {
    return "Content-Length: " + std::to_string(body.size()) + "\r\n";
}

std::string in_a_chunk(const std::string& body) {
    char size[32];
    (void)std::snprintf(size, sizeof(size), "%zx\r\n", body.size());
    return size + body + "\r\n0\r\n\r\n";
}

TEST(RelayedAnswer, of_any_size_comes_as_it_is) {
    for (const auto& body : {std::string("small"), k_large}) {
        const auto relayed = relay(head_with(length_of(body)) + body);
        EXPECT_EQ(relayed.status, 200);
        EXPECT_NE(relayed.head.find(length_of(body)), std::string::npos);
        EXPECT_EQ(relayed.body, body);
        EXPECT_TRUE(relayed.whole);
    }
}

TEST(RelayedAnswer, without_a_length_gets_one_while_it_is_small) {
    const auto small = relay(head_with("Transfer-Encoding: chunked\r\n") + in_a_chunk("small"));
    EXPECT_EQ(small.body, "small");
    EXPECT_NE(small.head.find("Content-Length: 5\r\n"), std::string::npos);
    EXPECT_EQ(relay(head_with("Transfer-Encoding: chunked\r\n") + in_a_chunk(k_large)).status, 502);
}

// What is longer than its head said would be the next answer to the client.
TEST(RelayedAnswer, of_two_lengths_is_no_answer) {
    const auto announced = length_of(k_large.substr(1));
    const auto chunked = head_with(announced + "Transfer-Encoding: chunked\r\n");
    EXPECT_EQ(relay(chunked + in_a_chunk(k_large)).status, 502);
    const auto twice = head_with(announced + length_of(k_large));
    EXPECT_EQ(relay(twice + k_large).status, 502);
}

TEST(RelayedAnswer, that_breaks_off_is_never_whole) {
    EXPECT_EQ(relay(head_with("Content-Length: 6\r\n") + "small").status, 502);
    EXPECT_FALSE(relay(head_with(length_of(k_large + "x")) + k_large).whole);
}

}  // namespace
}  // namespace narthex::http
