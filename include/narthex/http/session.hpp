// One client connection. Pipelining is the normal case: Guix writes 1000 requests before it reads a
// byte. So a session goes on reading while answers are out, looks up many requests at once, answers
// in order, and gathers what is ready into one write. What a client can make it hold is bounded:
// requests by `pipeline` and `pipeline_bytes`, lookups by `in_flight`, unsent bytes by
// `unsent_bytes`.
//
// Some requests have a body that is read (Handler::body_plan): one at a time, nothing behind it is
// parsed before it is answered, and it is worked on when what is before it is out.
//
// A request that can be answered at once, with none before it, goes from the bytes it came in to
// the bytes that go out; others get a slot. A session lives on one network thread and is kept alive
// by its pending operations.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/bulk_answers.hpp"
#include "narthex/http/counters.hpp"
#include "narthex/http/options.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/responder.hpp"
#include "narthex/http/upload_answers.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>

#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
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
    Responder& handler;
    BulkAnswers& bulk;
    UploadAnswers& uploads;
    service::CatalogView catalog;
    Mailbox& mailbox;
    boost::asio::thread_pool& files;
    const SessionLimits& limits;
    Counters& counters;
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
    // What was looked up for a request; pump() when all of a delivery is received.
    void receive(Mail mail);
    // Goes on with whatever can go on.
    void pump();
    // Called twice a second: enforces the time limits.
    void tick(Clock::time_point now);
    // No new requests: answers what it has, then closes.
    void drain();
    // Ends it now.
    void close();

  private:
    struct Slot {
        std::shared_ptr<const KeptRequest> request;  // null: the head was malformed
        Answer answer;
        Clock::time_point came_at;
        Clock::time_point asked_at;
        std::vector<std::string> files;  // of a NAR that is found: opened when it is its turn
        std::unique_ptr<BulkWork> bulk;  // done when it is its turn
        std::shared_ptr<BodySink> sink;  // of a body that isn't gathered; has bulk as well
        Resource kind = Resource::unknown;
        bool is_private = false;
        bool begun = false;  // its turn has come
        bool ready = false;
        bool close_after = false;
    };

    void wait_readable();
    void on_read(std::size_t size);
    void take_bytes(std::string_view bytes);
    std::size_t parse(std::string_view bytes);
    void go_on_parsing();
    void take_request(const Request& request);
    void answer_or_look_up(const Request& request);
    void add_slot(const Request& request);
    void add_bad_request(BadRequest error);
    void end_input();

    bool begin_body(const Request& request);
    std::size_t take_body(std::string_view bytes);
    void feed_sink();
    [[nodiscard]] bool asks_sink();
    [[nodiscard]] BodySink::Taken on_taken();
    void on_piece_taken(std::optional<Answer> refusal);
    void end_body();
    void refuse_rest_of_body(Answer answer);
    void forget_body();
    void forget_sink();
    bool put_continue();
    void begin_front_bulk();
    [[nodiscard]] std::chrono::milliseconds bulk_limit(const Slot& slot) const;
    [[nodiscard]] bool body_timed_out(Clock::time_point now) const;

    void dispatch();
    void ask(Slot& slot, std::size_t id);
    void wait_for(Slot& slot, Response response, std::size_t id, Clock::time_point now);
    void look_up(service::LookupKey key, std::size_t id, bool leases);
    void open_front_nar();
    void complete(std::size_t id, Answer answer);
    [[nodiscard]] Slot* waiting_slot(std::size_t id);
    void set_ready(Slot& slot, Answer answer);

    bool flush();
    void move_front_to_output(Clock::time_point now);
    void put_out(const Answer& answer, bool http_10);
    void log_access(const Request& request, int status, Clock::time_point came_at) const;
    bool write();
    void wait_writable();
    bool output_done();
    void next_piece();
    void on_piece(std::optional<std::string> piece);
    void send_file();
    void on_file_sent(std::uint64_t bytes, int error);
    void linger();
    void discard_input();

    void expire_lookups(Clock::time_point now);
    [[nodiscard]] bool timed_out(Clock::time_point now) const;
    [[nodiscard]] bool quiet() const;  // nothing asked, nothing to send
    void reset_on_close();

    // One write gathers answers up to about this size.
    static constexpr std::size_t k_output_bytes = 256 * 1024;
    // What a sink gets at once; as much may wait beside it.
    static constexpr std::size_t k_piece_bytes = 128 * 1024;

    boost::asio::ip::tcp::socket socket_;
    SessionContext& context_;
    // What asio reads into; the rest of what has come is read at once into the thread's own buffer,
    // so that an idle session costs no more than this.
    std::array<char, 1024> first_bytes_;
    std::string carry_;             // bytes read and not parsed yet
    Clock::time_point head_since_;  // when the head began whose part carry_ is

    std::uint64_t body_left_ = 0;     // bytes that slots_.back() still waits for
    Clock::time_point body_since_;    // since when
    std::shared_ptr<BodySink> sink_;  // where they go, instead of into memory
    std::string piece_;               // that the sink gets next
    Clock::time_point sink_since_;    // when it was given the last one

    std::deque<Slot> slots_;      // requests without a sent answer, in order
    std::size_t first_id_ = 0;    // of slots_.front()
    std::size_t asked_ = 0;       // slots_[0 .. asked_) have been given to the handler
    std::size_t in_flight_ = 0;   // of those, not ready
    std::size_t head_bytes_ = 0;  // of all slots' requests
    std::size_t unsent_bytes_ = 0;

    std::string output_;  // being written
    std::size_t output_sent_ = 0;
    FileBody file_;                       // to be sent after output_
    std::shared_ptr<BodySource> source_;  // of what comes after output_
    Clock::time_point piece_since_;       // when the next of it was asked for
    Clock::time_point last_read_;
    Clock::time_point last_written_;

    std::uint64_t requests_ = 0;         // taken so far
    std::uint64_t answers_at_once_ = 0;  // in output_, not counted yet
    std::string agent_;                  // of the last request, and what counts it
    Counter* family_ = nullptr;

    bool reading_ = false;
    bool full_ = false;      // enough requests read ahead: no more until half are answered
    bool has_body_ = false;  // a request with one isn't answered: no more are parsed
    bool writing_ = false;
    bool awaiting_piece_ = false;
    bool sink_busy_ = false;      // it is writing, or was asked
    bool sink_asked_ = false;     // whether it wants the body
    bool owes_continue_ = false;  // slots_.back()'s client sends its body when it is told to
    bool draining_ = false;       // what has been read is answered, and no more
    bool peer_ended_ = false;     // it sends no more; what has been read is still parsed
    bool input_ended_ = false;    // no more requests are taken from this client
    bool close_after_output_ = false;
    bool lingering_ = false;
    bool closed_ = false;
};

}  // namespace narthex::http
