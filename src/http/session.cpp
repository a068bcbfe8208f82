#include "narthex/http/session.hpp"

#include "narthex/core/log_text.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace narthex::http {

namespace asio = boost::asio;

namespace {

// One write gathers answers up to about this size.
constexpr std::size_t k_output_bytes = 256 * 1024;
// An idle session gives back what a burst made it allocate.
constexpr std::size_t k_idle_capacity = 4 * 1024;
// How long a client may take to see the answer after which the connection ends: closing earlier,
// with its bytes unread, would make the kernel reset the connection under that answer.
constexpr std::chrono::seconds k_linger(2);

std::size_t bytes_of(const Request& request) {
    return sizeof(Request) + request.target.size() + request.user_agent.size() +
           request.host.size() + request.range.size() + request.if_range.size() +
           request.if_none_match.size();
}

}  // namespace

Session::Session(asio::ip::tcp::socket socket, SessionContext& context)
    : socket_(std::move(socket)),
      context_(context),
      parser_(context.limits.header_bytes),
      last_read_(Clock::now()),
      last_written_(last_read_) {}

void Session::start() {
    wait_readable();
}

// --- reading ---

void Session::wait_readable() {
    if (reading_ || closed_ || peer_ended_) return;
    if (!lingering_ && (input_ended_ || full_)) return;
    reading_ = true;
    socket_.async_wait(
        asio::ip::tcp::socket::wait_read,
        [self = shared_from_this()](boost::system::error_code error) {
            self->reading_ = false;
            if (self->closed_) return;
            if (error) return self->close();
            self->on_readable();
        }
    );
}

void Session::on_readable() {
    if (lingering_) return discard_input();
    if (input_ended_) return;
    auto& buffer = context_.read_buffer;
    const auto size = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return wait_readable();
    if (size < 0) return close();
    last_read_ = Clock::now();
    if (size == 0) {
        peer_ended_ = true;  // half-closed: its answers still go out
    } else {
        take_bytes({buffer.data(), static_cast<std::size_t>(size)});
    }
    pump();
}

void Session::take_bytes(std::string_view bytes) {
    const auto requests_before = first_id_ + slots_.size();
    const bool new_head = carry_.empty();
    if (new_head) {
        carry_ = bytes.substr(parse(bytes));
    } else {
        carry_ += bytes;
        carry_.erase(0, parse(carry_));
    }
    if (new_head || first_id_ + slots_.size() > requests_before) head_since_ = last_read_;
}

// Takes the requests of `bytes`; returns how many bytes are done with.
std::size_t Session::parse(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && !input_ended_ && !full_) {
        auto progress = parser_.parse(bytes.substr(used));
        used += progress.consumed;
        if (progress.error) {
            add_bad_request(*progress.error);
            return bytes.size();
        }
        if (!progress.request) break;
        add_request(std::move(*progress.request));
    }
    return used;
}

// At half of the limits, not below them: each answer would let another buffer of requests in.
void Session::go_on_parsing() {
    const auto& limits = context_.limits;
    if (slots_.size() > limits.pipeline / 2 || head_bytes_ > limits.pipeline_bytes / 2) return;
    full_ = false;
    carry_.erase(0, parse(carry_));
    head_since_ = Clock::now();
}

void Session::add_request(Request request) {
    const auto& limits = context_.limits;
    auto& slot = slots_.emplace_back();
    // The body of a refused request isn't read, so nothing after it can be found.
    slot.close_after = !request.keep_alive || request.has_body;
    input_ended_ = slot.close_after;
    head_bytes_ += bytes_of(request);
    full_ = slots_.size() >= limits.pipeline || head_bytes_ >= limits.pipeline_bytes;
    slot.request = std::make_shared<const Request>(std::move(request));
}

void Session::add_bad_request(BadRequest error) {
    auto& slot = slots_.emplace_back();
    slot.close_after = true;
    input_ended_ = true;
    const bool too_large = error == BadRequest::too_large;
    slot.answer = text_answer(
        static_cast<int>(error),
        too_large ? "431: the request's head is too large" : "400: this is not an HTTP request"
    );
    slot.ready = true;
}

// --- answering ---

void Session::pump() {
    if (closed_) return;
    if (full_) go_on_parsing();
    dispatch();
    flush();
    if (closed_) return;
    if (quiet() && (input_ended_ || peer_ended_) && !lingering_) return close();
    wait_readable();
}

void Session::dispatch() {
    const auto& limits = context_.limits;
    while (asked_ < slots_.size() && in_flight_ < limits.in_flight &&
           unsent_bytes_ < limits.unsent_bytes) {
        auto& slot = slots_[asked_];
        if (!slot.ready) ask(slot, first_id_ + asked_);
        ++asked_;
    }
}

void Session::ask(Slot& slot, std::size_t id) {
    slot.asked_at = Clock::now();
    ++in_flight_;
    auto done = [self = shared_from_this(), id](Answer answer) mutable {
        auto& socket = self->socket_;
        asio::post(
            socket.get_executor(),
            [self = std::move(self), id, answer = std::move(answer)]() mutable {
                self->complete(id, std::move(answer));
            }
        );
    };
    auto answer = context_.handler.handle(slot.request, std::move(done));
    if (answer) set_ready(slot, std::move(*answer));
}

void Session::complete(std::size_t id, Answer answer) {
    if (closed_ || id < first_id_) return;
    auto& slot = slots_[id - first_id_];
    if (slot.ready) return;  // its time was up
    set_ready(slot, std::move(answer));
    pump();
}

void Session::set_ready(Slot& slot, Answer answer) {
    slot.answer = std::move(answer);
    slot.ready = true;
    --in_flight_;
    unsent_bytes_ += slot.answer.head.size() + (slot.answer.body ? slot.answer.body->size() : 0);
}

// --- writing ---

void Session::flush() {
    if (writing_ || closed_ || lingering_) return;
    while (!slots_.empty() && slots_.front().ready && output_.size() < k_output_bytes &&
           file_.length == 0 && !close_after_output_) {
        move_front_to_output();
    }
    if (output_.empty()) return;
    writing_ = true;
    last_written_ = Clock::now();
    write();
}

void Session::move_front_to_output() {
    auto& slot = slots_.front();
    auto& answer = slot.answer;
    close_after_output_ = slot.close_after || answer.close;
    const bool http_10 = slot.request && slot.request->version == 10;
    const auto& ends = context_.head_ends;
    output_ += answer.head;
    output_ += close_after_output_ ? ends.close : http_10 ? ends.keep_alive_10 : ends.keep_alive;
    if (answer.body) output_ += *answer.body;
    file_ = std::move(answer.file);
    if (slot.request) {
        if (context_.access_log) log_access(slot);
        unsent_bytes_ -= answer.head.size() + (answer.body ? answer.body->size() : 0);
        head_bytes_ -= bytes_of(*slot.request);
    }
    if (asked_ > 0) --asked_;
    ++first_id_;
    slots_.pop_front();
}

void Session::log_access(const Slot& slot) const {
    const auto& request = *slot.request;
    const auto took = Clock::now() - slot.asked_at;
    boost::system::error_code ignored;
    spdlog::info(
        "event=request client={} target={} status={} us={} agent={}",
        socket_.remote_endpoint(ignored).address().to_string(),
        log_text(request.target),
        slot.answer.status,
        std::chrono::duration_cast<std::chrono::microseconds>(took).count(),
        log_text(request.user_agent)
    );
}

void Session::write() {
    const auto left = asio::buffer(output_.data() + output_sent_, output_.size() - output_sent_);
    socket_.async_write_some(
        left,
        [self = shared_from_this()](boost::system::error_code error, std::size_t bytes) {
            if (self->closed_) return;
            if (error) return self->close();
            self->on_written(bytes);
        }
    );
}

void Session::on_written(std::size_t bytes) {
    last_written_ = Clock::now();
    output_sent_ += bytes;
    if (output_sent_ < output_.size()) return write();
    output_.clear();
    output_sent_ = 0;
    if (file_.length > 0) return send_file();
    output_done();
}

void Session::output_done() {
    writing_ = false;
    file_ = {};
    if (close_after_output_) return linger();
    if (slots_.empty() && output_.capacity() > k_idle_capacity) {
        output_.shrink_to_fit();
        carry_.shrink_to_fit();
        slots_.shrink_to_fit();
    }
    pump();
}

void Session::close() {
    if (closed_) return;
    closed_ = true;
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket_.cancel(ignored);
    // The socket itself is closed with the last operation that still uses it.
    context_.closed(shared_from_this());
}

// What the client doesn't take is dropped, not kept by the kernel for as long as it likes.
void Session::reset_on_close() {
    // If Asio knew of the option, the socket's destructor would undo it.
    const struct linger at_once {
        1, 0
    };
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void Session::linger() {
    if (peer_ended_) return close();
    lingering_ = true;
    carry_.clear();
    last_written_ = Clock::now();
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    wait_readable();
}

void Session::discard_input() {
    auto& buffer = context_.read_buffer;
    const auto size = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) return close();
    wait_readable();
}

// --- time ---

bool Session::quiet() const {
    return slots_.empty() && !writing_;
}

void Session::tick(Clock::time_point now) {
    if (closed_) return;
    if (timed_out(now)) {
        if (writing_) reset_on_close();
        return close();
    }
    if (in_flight_ > 0) expire_lookups(now);
}

bool Session::timed_out(Clock::time_point now) const {
    const auto& limits = context_.limits;
    if (lingering_) return now - last_written_ > k_linger;
    if (writing_) return now - last_written_ > limits.send;
    if (!slots_.empty()) return false;  // lookups have a limit of their own
    if (!carry_.empty()) return now - head_since_ > limits.header;
    return now - std::max(last_read_, last_written_) > limits.idle;
}

void Session::expire_lookups(Clock::time_point now) {
    const auto limit = context_.handler.lookup_timeout();
    bool expired = false;
    for (std::size_t i = 0; i < asked_; ++i) {
        auto& slot = slots_[i];
        if (slot.ready || now - slot.asked_at <= limit) continue;
        set_ready(slot, context_.handler.unavailable(*slot.request));
        expired = true;
    }
    if (expired) pump();
}

void Session::drain() {
    if (closed_) return;
    input_ended_ = true;
    if (quiet()) return close();
    if (slots_.empty()) {
        close_after_output_ = true;
    } else {
        slots_.back().close_after = true;
    }
}

}  // namespace narthex::http
