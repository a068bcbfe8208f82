// What a session sends: gathered answers straight to the kernel; a file's bytes by sendfile() on a
// thread of the file pool, since a cold disk would block a network thread; the pieces of a long
// answer one by one.
#include "narthex/core/http_target.hpp"
#include "narthex/core/log_text.hpp"
#include "narthex/http/session.hpp"
#include "narthex/service/log.hpp"

#include <boost/asio/post.hpp>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace narthex::http {

namespace asio = boost::asio;

namespace {

// An idle session gives back what a burst made it allocate.
constexpr std::size_t k_idle_capacity = 4 * 1024;
// After this much the network thread looks at the session again (time limits, shutting down).
constexpr std::uint64_t k_turn_bytes = 4 * 1024 * 1024;

struct Sent {
    std::uint64_t bytes;
    int error;  // EAGAIN: the client has to read first; EIO: the file is shorter than it was
};

Sent send_some(int socket, const FileBody& body) {
    auto offset = static_cast<off_t>(body.offset);
    auto left = std::min(body.length, k_turn_bytes);
    std::uint64_t sent = 0;
    while (left > 0) {
        const auto bytes = ::sendfile(socket, body.file->fd(), &offset, left);
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes < 0) return {sent, errno};
        if (bytes == 0) return {sent, EIO};
        sent += static_cast<std::uint64_t>(bytes);
        left -= static_cast<std::uint64_t>(bytes);
    }
    return {sent, 0};
}

}  // namespace

// True when what was ready is out, and there may be more.
bool Session::flush() {
    if (writing_ || closed_ || lingering_) return false;
    const auto now = Clock::now();
    while (!slots_.empty() && slots_.front().ready && output_.size() < k_output_bytes &&
           file_.length == 0 && !source_ && !close_after_output_) {
        move_front_to_output(now);
    }
    if (output_.empty() && !put_continue()) return false;
    if (answers_at_once_ > 0) context_.counters.latency.add(now - last_read_, answers_at_once_);
    answers_at_once_ = 0;
    writing_ = true;
    last_written_ = now;
    return write();
}

void Session::move_front_to_output(Clock::time_point now) {
    auto& slot = slots_.front();
    auto& answer = slot.answer;
    close_after_output_ = slot.close_after || answer.close;
    if (slot.request) {
        context_.counters.count_answer(slot.kind, answer.status);
        context_.counters.count_latency(slot.kind, now - slot.came_at);
        if (context_.access_log) log_access(**slot.request, answer.status, slot.came_at);
        unsent_bytes_ -= answer.bytes();
        head_bytes_ -= slot.request->bytes();
    }
    put_out(answer, slot.request && (*slot.request)->version == 10);
    file_ = std::move(answer.file);
    source_ = std::move(answer.source);
    if (asked_ > 0) --asked_;
    ++first_id_;
    slots_.pop_front();
}

void Session::put_out(const Answer& answer, bool http_10) {
    const auto& ends = context_.head_ends;
    output_ += *answer.head;
    output_ += close_after_output_ ? ends.close : http_10 ? ends.keep_alive_10 : ends.keep_alive;
    if (answer.body) output_ += *answer.body;
}

void Session::log_access(const Request& request, int status, Clock::time_point came_at) const {
    const auto took = Clock::now() - came_at;
    boost::system::error_code ignored;
    service::log_info(
        "event=request client={} target={} status={} us={} agent={}",
        socket_.remote_endpoint(ignored).address().to_string(),
        log_text(without_user(request.target)),
        status,
        std::chrono::duration_cast<std::chrono::microseconds>(took).count(),
        log_text(request.user_agent)
    );
}

// Straight to the kernel, which mostly takes it all: true then.
bool Session::write() {
    while (output_sent_ < output_.size()) {
        const auto sent = ::send(
            socket_.native_handle(),
            output_.data() + output_sent_,
            output_.size() - output_sent_,
            MSG_DONTWAIT | MSG_NOSIGNAL
        );
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) {
            errno == EAGAIN ? wait_writable() : close();
            return false;
        }
        output_sent_ += static_cast<std::size_t>(sent);
        last_written_ = Clock::now();
    }
    context_.counters.bytes_sent.add(output_.size());
    output_.clear();
    output_sent_ = 0;
    if (source_) {
        next_piece();
        return false;
    }
    if (file_.length > 0) {
        send_file();
        return false;
    }
    return output_done();
}

// The next one is made when the last is out: a client that reads slowly holds no more than one.
void Session::next_piece() {
    awaiting_piece_ = true;
    piece_since_ = Clock::now();
    auto take = [weak = weak_from_this(),
                 executor = socket_.get_executor()](std::optional<std::string> piece) {
        asio::post(executor, [weak, piece = std::move(piece)]() mutable {
            if (auto self = weak.lock()) self->on_piece(std::move(piece));
        });
    };
    source_->next(std::move(take));
}

void Session::on_piece(std::optional<std::string> piece) {
    if (closed_) return;
    awaiting_piece_ = false;
    if (!piece) return close();
    last_written_ = Clock::now();
    if (piece->empty()) {
        source_.reset();
        if (output_done()) pump();
        return;
    }
    output_ = std::move(*piece);
    if (write()) pump();
}

void Session::wait_writable() {
    socket_.async_wait(
        asio::ip::tcp::socket::wait_write,
        [self = shared_from_this()](boost::system::error_code error) {
            if (self->closed_) return;
            if (error) return self->close();
            if (self->write()) self->pump();
        }
    );
}

// True when the session goes on.
bool Session::output_done() {
    writing_ = false;
    file_ = {};
    source_.reset();
    if (close_after_output_) {
        linger();
        return false;
    }
    if (slots_.empty() && output_.capacity() > k_idle_capacity) {
        output_.shrink_to_fit();
        carry_.shrink_to_fit();
        slots_.shrink_to_fit();
    }
    return true;
}

void Session::send_file() {
    // The session keeps the socket open: close() only shuts it down.
    asio::post(context_.files, [self = shared_from_this(), body = file_] {
        const auto sent = send_some(self->socket_.native_handle(), body);
        asio::post(self->socket_.get_executor(), [self, sent] {
            self->on_file_sent(sent.bytes, sent.error);
        });
    });
}

void Session::on_file_sent(std::uint64_t bytes, int error) {
    if (closed_) return;
    if (bytes > 0) last_written_ = Clock::now();
    file_.offset += bytes;
    file_.length -= bytes;
    if (file_.length == 0) {
        if (output_done()) pump();
        return;
    }
    if (error != 0 && error != EAGAIN) return close();
    if (error == 0) return send_file();
    socket_.async_wait(
        asio::ip::tcp::socket::wait_write,
        [self = shared_from_this()](boost::system::error_code failed) {
            if (self->closed_) return;
            if (failed) return self->close();
            self->send_file();
        }
    );
}

}  // namespace narthex::http
