#include "narthex/service/exchange.hpp"

#include "support/scripted_server.hpp"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

namespace narthex::service {
namespace {

using namespace std::chrono_literals;
using test::ScriptedServer;
using Client = ScriptedServer::Client;

constexpr std::chrono::seconds k_patience(30);
constexpr ExchangeLimits k_limits{.connect = 5s, .idle = 20s, .most = 8};
constexpr ExchangeLimits k_hasty{.connect = 5s, .idle = 500ms, .most = 8};

// What is called back with, as something to wait for.
template <class T>
class Awaited {
  public:
    void set(T value) { promise_->set_value(std::move(value)); }
    T get() {
        if (future_.wait_for(k_patience) != std::future_status::ready) {
            throw std::runtime_error("nothing is called back");
        }
        return future_.get();
    }

  private:
    std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
    std::shared_future<T> future_ = promise_->get_future().share();
};

using Begin = std::variant<ExchangeHead, ExchangeFault>;

// One exchange, step by step.
class Talk {
  public:
    Talk(Exchanges& exchanges, ExchangeRequest request)
        : exchange_(exchanges.start(
              std::move(request),
              [begin = begin_](const auto&, const auto& b) mutable { begin.set(b); }
          )) {}
    ~Talk() { exchange_->cancel(); }
    Talk(const Talk&) = delete;
    Talk& operator=(const Talk&) = delete;

    Begin begin() { return begin_.get(); }
    ExchangeHead head() { return std::get<ExchangeHead>(begin()); }

    // Until it is taken.
    void write(std::string piece) {
        Awaited<bool> taken;
        exchange_->write(std::move(piece), [taken]() mutable { taken.set(true); });
        taken.get();
    }

    // False when it was cut off.
    bool read_body() {
        while (true) {
            Awaited<std::optional<std::string>> next;
            exchange_->next([next](auto piece) mutable { next.set(std::move(piece)); });
            const auto piece = next.get();
            if (!piece || piece->empty()) return piece.has_value();
            body += *piece;
        }
    }

    std::string body;

  private:
    Awaited<Begin> begin_;
    std::shared_ptr<Exchange> exchange_;
};

ExchangeRequest get_from(const ScriptedServer& server) {
    ExchangeRequest request;
    request.url = server.url() + "/nar/x";
    return request;
}

// Answers every request with that, and closes.
ScriptedServer::Script always(std::string answer) {
    return [answer = std::move(answer)](Client& client) {
        (void)client.read_head();
        client.send(answer);
    };
}

const std::string k_20 = "01234567890123456789";
const std::string k_20_in_chunks = "14\r\n" + k_20 + "\r\n0\r\n\r\n";

TEST(Exchange, an_answer_comes_with_its_head) {
    const ScriptedServer server(
        always("HTTP/1.1 200 OK\r\nContent-Length: 20\r\nX-Y:  z \r\nBad: a\x01\r\n\r\n" + k_20)
    );
    Exchanges exchanges(k_limits);
    Talk talk(exchanges, get_from(server));
    const auto head = talk.head();
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.length(), 20U);
    EXPECT_EQ(head.field("x-y"), "z");
    EXPECT_EQ(head.field("bad"), "");
    EXPECT_TRUE(talk.read_body());
    EXPECT_EQ(talk.body, k_20);
}

TEST(Exchange, an_answer_to_head_has_a_length_and_no_body) {
    const ScriptedServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"));
    Exchanges exchanges(k_limits);
    auto request = get_from(server);
    request.method = "HEAD";
    Talk talk(exchanges, request);
    EXPECT_EQ(talk.head().length(), 20U);
    EXPECT_TRUE(talk.read_body());
}

TEST(Exchange, contradictory_lengths_are_none) {
    struct Case {
        std::string fields;
        std::string body;
    };
    const std::vector<Case> cases = {
        {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", k_20_in_chunks},
        {"Transfer-Encoding: chunked\r\nContent-Length: 30\r\n", k_20_in_chunks},
        {"Content-Length: 5\r\nContent-Length: 20\r\n", k_20},
        {"Content-Length: 20, 20\r\n", k_20},
    };
    for (const auto& [fields, body] : cases) {
        const ScriptedServer server(always("HTTP/1.1 200 OK\r\n" + fields + "\r\n" + body));
        Exchanges exchanges(k_limits);
        Talk talk(exchanges, get_from(server));
        EXPECT_EQ(talk.head().length(), std::nullopt) << fields;
        EXPECT_TRUE(talk.read_body());
        EXPECT_EQ(talk.body, k_20) << fields;
    }
}

TEST(Exchange, the_same_length_twice_is_one) {
    const ScriptedServer server(
        always("HTTP/1.1 200 OK\r\nContent-Length: 20\r\nContent-Length: 20\r\n\r\n" + k_20)
    );
    Exchanges exchanges(k_limits);
    EXPECT_EQ(Talk(exchanges, get_from(server)).head().length(), 20U);
}

// libcurl goes by the last length, which isn't one to us.
TEST(Exchange, a_body_is_cut_off_before_it_is_longer_than_its_length) {
    const ScriptedServer server(
        always("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 20\x01\r\n\r\n" + k_20)
    );
    Exchanges exchanges(k_limits);
    Talk talk(exchanges, get_from(server));
    EXPECT_EQ(talk.head().length(), 5U);
    EXPECT_FALSE(talk.read_body());
    EXPECT_LE(talk.body.size(), 5U);
}

// libcurl takes a number that it can't hold for none, and the end of the connection for the body's.
TEST(Exchange, a_body_that_is_shorter_than_its_length_is_cut_off) {
    const ScriptedServer server(
        always("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n" + k_20)
    );
    Exchanges exchanges(k_limits);
    Talk talk(exchanges, get_from(server));
    EXPECT_EQ(talk.head().length(), 18446744073709551615U);
    EXPECT_FALSE(talk.read_body());
}

TEST(Exchange, a_refusal_may_come_in_pieces_while_a_piece_is_awaited) {
    std::promise<void> may_answer;
    std::promise<void> may_end;
    const ScriptedServer server([&](Client& client) {
        (void)client.read_head();
        (void)client.read(3);
        may_answer.get_future().wait_for(k_patience);
        client.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\nConnection: close\r\n\r\n");
        may_end.get_future().wait_for(k_patience);
        client.send("401\n");
        client.await_end();
    });
    Exchanges exchanges(k_hasty);
    auto request = get_from(server);
    request.method = "PUT";
    request.body_bytes = 1000;
    Talk talk(exchanges, request);
    talk.write("abc");
    talk.write("");
    may_answer.set_value();
    EXPECT_EQ(talk.head().status, 401);
    // Each is taken in a turn of its own: what the head gave rise to has been done then.
    for (int i = 0; i < 3; ++i) talk.write("");
    may_end.set_value();
    EXPECT_TRUE(talk.read_body());
    EXPECT_EQ(talk.body, "401\n");
}

TEST(Exchange, a_server_that_drips_is_too_slow) {
    const ScriptedServer body([](Client& client) {
        (void)client.read_head();
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        for (int i = 0; i < 100'000; ++i) {
            client.send("x");
            client.stay(5ms);
        }
    });
    Exchanges exchanges(k_hasty);
    Talk talk(exchanges, get_from(body));
    EXPECT_EQ(talk.head().status, 200);
    EXPECT_FALSE(talk.read_body());
    const ScriptedServer head([](Client& client) {
        (void)client.read_head();
        client.send("HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 100'000; ++i) {
            client.send("X: y\r\n");
            client.stay(5ms);
        }
    });
    const auto begin = Talk(exchanges, get_from(head)).begin();
    ASSERT_TRUE(std::holds_alternative<ExchangeFault>(begin));
    EXPECT_TRUE(std::get<ExchangeFault>(begin).too_slow);
}

// Pieces that are large enough come within the limit, all of them together don't.
TEST(Exchange, a_server_that_takes_its_time_is_not) {
    const std::string piece(32 * 1024, 'x');
    constexpr int k_pieces = 6;
    const ScriptedServer server([&](Client& client) {
        (void)client.read_head();
        client.send(
            "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(k_pieces * piece.size()) +
            "\r\n\r\n"
        );
        for (int i = 0; i < k_pieces; ++i) {
            client.stay(400ms);
            client.send(piece);
        }
    });
    Exchanges exchanges(ExchangeLimits{.connect = 5s, .idle = 2s, .most = 8});
    Talk talk(exchanges, get_from(server));
    EXPECT_TRUE(talk.read_body());
    EXPECT_EQ(talk.body.size(), k_pieces * piece.size());
}

TEST(Exchange, a_server_that_breaks_off_or_is_away_is_told_from_one_that_is_slow) {
    const ScriptedServer server(always(""));
    Exchanges exchanges(k_limits);
    const auto begin = Talk(exchanges, get_from(server)).begin();
    ASSERT_TRUE(std::holds_alternative<ExchangeFault>(begin));
    EXPECT_FALSE(std::get<ExchangeFault>(begin).too_slow);
    EXPECT_NE(std::get<ExchangeFault>(begin).reason, "");
}

}  // namespace
}  // namespace narthex::service
