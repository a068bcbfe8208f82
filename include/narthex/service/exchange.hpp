// HTTP requests to another narthex whose bodies go in pieces, both ways: neither is held as a
// whole, and who is slow slows the other down. HTTP/1.1, so that each has a connection of its own;
// certificates are verified; no redirects, no cookies, nothing is retried.
#pragma once

#include "narthex/service/exchange_head.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace narthex::service {

struct ExchangeLimits {
    std::chrono::milliseconds connect{5'000};
    // While it is the server's turn: for all of its head, then for each 16 KiB of its body.
    std::chrono::milliseconds idle{20'000};
    std::size_t most = 256;  // at once
};

struct ExchangeRequest {
    std::string method = "GET";
    std::string url;
    std::vector<std::string> fields;          // "Name: value"; libcurl adds Host and the length
    std::optional<std::uint64_t> body_bytes;  // absent: no body
    bool asks_first = false;                  // Expect: 100-continue
};

// Why there is no answer.
struct ExchangeFault {
    bool too_slow = false;
    std::string reason;
};

// One of them. Any thread calls; what is called back is quick, and called on the thread of the
// Exchanges, once, unless that ends first.
class Exchange {
  public:
    // The head of the answer, or why there is none; with the exchange, whose answer's body is next.
    using Begun = std::function<
        void(const std::shared_ptr<Exchange>&, const std::variant<ExchangeHead, ExchangeFault>&)>;
    // The next piece of the answer's body; an empty one ends it; none: it was cut off. All of them
    // together never have more bytes than the head's length, nor fewer when it is ended.
    using Take = std::function<void(std::optional<std::string>)>;

    // Sends a piece of the request's body. `taken`: the next may come, or nobody wants one any
    // more, since the answer has begun with a refusal or the exchange has ended: Begun was called
    // then. An empty piece is taken as soon as the server wants the body. One at a time.
    void write(std::string piece, std::function<void()> taken);

    // After Begun has had a head. One at a time.
    void next(Take take);

    // Nothing is called back after it has taken effect, which is soon.
    void cancel();

  private:
    friend class Exchanges;
    struct Transfer;
    explicit Exchange(std::shared_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}

    std::shared_ptr<Transfer> transfer_;
};

class Exchanges {
  public:
    // `ca_file`: certificates that vouch for the other side; empty: the system's do.
    explicit Exchanges(ExchangeLimits limits, std::string ca_file = {});
    ~Exchanges();  // stop()
    Exchanges(const Exchanges&) = delete;
    Exchanges& operator=(const Exchanges&) = delete;

    // Null when there are too many.
    [[nodiscard]] std::shared_ptr<Exchange> start(ExchangeRequest request, Exchange::Begun begun);

    [[nodiscard]] const ExchangeLimits& limits() const { return limits_; }

    // Breaks all of them off; nothing is called back any more when it returns.
    void stop();

  private:
    friend class Exchange;
    struct Impl;
    ExchangeLimits limits_;
    std::shared_ptr<Impl> impl_;  // exchanges may outlive this
};

}  // namespace narthex::service
