// One client connection. Pipelining is the normal case: Guix writes 1000 requests before it reads a
// byte. So a session goes on reading while answers are out, looks up many requests at once, answers
// in order, and gathers what is ready into one write. What a client can make it hold is bounded:
// requests by `pipeline` and `pipeline_bytes`, lookups by `in_flight`, unsent bytes by
// `unsent_bytes`.
//
// A session lives on one network thread and is kept alive by its pending operations.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/handler.hpp"
#include "narthex/http/request.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::http {

// The lines that end every head, made once a second.
struct HeadEnds {
    std::string keep_alive;     // "Date: ...", empty line
    std::string keep_alive_10;  // the same for HTTP/1.0
    std::string close;
};

// What the sessions of one network thread share. Outlives them.
struct SessionContext {
    Handler& handler;
    boost::asio::thread_pool& files;
    const SessionLimits& limits;
    bool access_log = false;
    std::vector<char> read_buffer = std::vector<char>(64 * 1024);
    HeadEnds head_ends{};
    std::function<void(const std::shared_ptr<class Session>&)> closed;  // forgets the session
};

class Session : public std::enable_shared_from_this<Session> {
  public:
    using Clock = std::chrono::steady_clock;

    Session(boost::asio::ip::tcp::socket socket, SessionContext& context);

    void start();
    // Called twice a second: enforces the time limits.
    void tick(Clock::time_point now);
    // No new requests: answers what it has, then closes.
    void drain();
    // Ends it now.
    void close();

  private:
    struct Slot {
        std::shared_ptr<const Request> request;  // null: the head was malformed
        Answer answer;
        Clock::time_point asked_at;
        bool ready = false;
        bool close_after = false;
    };

    void wait_readable();
    void on_readable();
    void take_bytes(std::string_view bytes);
    std::size_t parse(std::string_view bytes);
    void go_on_parsing();
    void add_request(Request request);
    void add_bad_request(BadRequest error);

    void pump();
    void dispatch();
    void ask(Slot& slot, std::size_t id);
    void complete(std::size_t id, Answer answer);
    void set_ready(Slot& slot, Answer answer);

    void flush();
    void move_front_to_output();
    void log_access(const Slot& slot) const;
    void write();
    void on_written(std::size_t bytes);
    void output_done();
    void send_file();
    void on_file_sent(std::uint64_t bytes, int error);
    void linger();
    void discard_input();

    void expire_lookups(Clock::time_point now);
    [[nodiscard]] bool timed_out(Clock::time_point now) const;
    [[nodiscard]] bool quiet() const;  // nothing asked, nothing to send
    void reset_on_close();

    boost::asio::ip::tcp::socket socket_;
    SessionContext& context_;
    RequestParser parser_;
    std::string carry_;             // bytes read and not parsed yet
    Clock::time_point head_since_;  // when the head began whose part carry_ is

    std::deque<Slot> slots_;      // requests without a sent answer, in order
    std::size_t first_id_ = 0;    // of slots_.front()
    std::size_t asked_ = 0;       // slots_[0 .. asked_) have been given to the handler
    std::size_t in_flight_ = 0;   // of those, not ready
    std::size_t head_bytes_ = 0;  // of all slots' requests
    std::size_t unsent_bytes_ = 0;

    std::string output_;  // being written
    std::size_t output_sent_ = 0;
    FileBody file_;  // to be sent after output_
    Clock::time_point last_read_;
    Clock::time_point last_written_;

    bool reading_ = false;
    bool full_ = false;  // enough requests read ahead: no more until half are answered
    bool writing_ = false;
    bool peer_ended_ = false;   // it sends no more; what has been read is still parsed
    bool input_ended_ = false;  // no more requests are taken from this client
    bool close_after_output_ = false;
    bool lingering_ = false;
    bool closed_ = false;
};

}  // namespace narthex::http
