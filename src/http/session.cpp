#include "narthex/http/session.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/http/access_answers.hpp"
#include "narthex/http/nar_answer.hpp"
#include "narthex/service/log.hpp"

#include <boost/asio/post.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace narthex::http {

namespace asio = boost::asio;

namespace {

// How long a client may take to see the answer after which the connection ends: closing earlier,
// with its bytes unread, would make the kernel reset the connection under that answer.
constexpr std::chrono::seconds k_linger(2);

// What is kept of a client's name, to know it again.
constexpr std::size_t k_agent_bytes = 128;

// Of those that a session answers; all other methods are refused.
bool may_have_body(Method method) {
    return method == Method::post || method == Method::put || method == Method::query;
}

}  // namespace

Session::Session(asio::ip::tcp::socket socket, SessionContext& context)
    : socket_(std::move(socket)),
      context_(context),
      last_read_(Clock::now()),
      last_written_(last_read_) {}

void Session::start() {
    wait_readable();
}

// --- reading ---

void Session::wait_readable() {
    if (reading_ || closed_ || peer_ended_) return;
    const bool paused = body_left_ == 0 ? full_ || draining_ : piece_.size() >= k_piece_bytes;
    if (!lingering_ && (input_ended_ || paused)) return;
    reading_ = true;
    socket_.async_read_some(
        asio::buffer(first_bytes_),
        [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
            self->reading_ = false;
            if (self->closed_) return;
            if (error && error != asio::error::eof) return self->close();
            self->on_read(size);
        }
    );
}

void Session::on_read(std::size_t size) {
    if (lingering_) return size == 0 ? close() : discard_input();
    if (input_ended_) return;
    last_read_ = Clock::now();
    if (size == 0) {
        peer_ended_ = true;  // half-closed: its answers still go out
        if (body_left_ > 0) {
            refuse_rest_of_body(text_answer(400, "400: the body is shorter than its Content-Length")
            );
        }
        return pump();
    }
    auto& buffer = context_.read_buffer;
    std::copy_n(first_bytes_.begin(), size, buffer.begin());
    if (size == first_bytes_.size()) {
        const auto more =
            ::recv(socket_.native_handle(), &buffer[size], buffer.size() - size, MSG_DONTWAIT);
        // An end or an error shows again at the next read.
        if (more > 0) size += static_cast<std::size_t>(more);
    }
    take_bytes({buffer.data(), size});
    pump();
}

void Session::take_bytes(std::string_view bytes) {
    const auto requests_before = requests_;
    const bool new_head = carry_.empty();
    if (new_head) {
        carry_ = bytes.substr(parse(bytes));
    } else {
        carry_ += bytes;
        carry_.erase(0, parse(carry_));
    }
    if (new_head || requests_ > requests_before) head_since_ = last_read_;
}

// Takes the requests of `bytes`; returns how many bytes are done with.
std::size_t Session::parse(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && !input_ended_ && (!full_ || body_left_ > 0)) {
        if (body_left_ > 0) {
            used += take_body(bytes.substr(used));
            continue;
        }
        auto progress = parse_request(bytes.substr(used), context_.limits.header_bytes);
        used += progress.consumed;
        if (progress.error) {
            add_bad_request(*progress.error);
            return bytes.size();
        }
        if (!progress.request) break;
        take_request(*progress.request);
    }
    return used;
}

// At half of the limits, not below them: each answer would let another buffer of requests in.
void Session::go_on_parsing() {
    const auto& limits = context_.limits;
    if (has_body_) return;
    if (slots_.size() > limits.pipeline / 2 || head_bytes_ > limits.pipeline_bytes / 2) return;
    full_ = false;
    carry_.erase(0, parse(carry_));
    head_since_ = Clock::now();
    if (draining_ && !full_) end_input();
}

void Session::take_request(const Request& request) {
    ++requests_;
    if (agent_ != request.user_agent || family_ == nullptr) {
        agent_ = request.user_agent.substr(0, k_agent_bytes);
        family_ = &context_.counters.family(request.user_agent);
    }
    family_->add();
    if (may_have_body(request.method) && begin_body(request)) return;
    // The body of a refused request isn't read, so nothing after it can be found.
    input_ended_ = !request.keep_alive || request.has_body;
    if (slots_.empty() && !writing_ && output_.size() < k_output_bytes && !close_after_output_) {
        answer_or_look_up(request);
    } else {
        add_slot(request);
    }
}

// With none before it: straight to the bytes that go out, unless it has to be looked up.
void Session::answer_or_look_up(const Request& request) {
    auto response = context_.handler.respond(request, context_.catalog.caches(), last_read_);
    auto* answer = std::get_if<Answer>(&response.what);
    if (answer == nullptr) {
        add_slot(request);
        return wait_for(slots_.back(), std::move(response), first_id_ + asked_++, last_read_);
    }
    ++answers_at_once_;
    context_.counters.count_answer(response.kind, answer->status);
    if (context_.access_log) log_access(request, answer->status, last_read_);
    input_ended_ = input_ended_ || answer->close;
    close_after_output_ = input_ended_;
    put_out(*answer, request.version == 10);
}

void Session::add_slot(const Request& request) {
    const auto& limits = context_.limits;
    auto& slot = slots_.emplace_back();
    slot.close_after = input_ended_;
    slot.came_at = last_read_;
    slot.request = std::make_shared<const KeptRequest>(request);
    head_bytes_ += slot.request->bytes();
    full_ = slots_.size() >= limits.pipeline || head_bytes_ >= limits.pipeline_bytes;
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
    context_.counters.count_answer(Resource::unknown, slot.answer.status);
}

// --- answering ---

void Session::pump() {
    do {
        if (closed_) return;
        if (full_) go_on_parsing();
        dispatch();
    } while (flush());
    if (closed_) return;
    open_front_nar();
    begin_front_bulk();
    if (quiet() && (input_ended_ || peer_ended_) && !lingering_) return close();
    wait_readable();
}

void Session::dispatch() {
    const auto& limits = context_.limits;
    const auto whole = slots_.size() - (body_left_ > 0 ? 1 : 0);
    while (asked_ < whole && in_flight_ < limits.in_flight && unsent_bytes_ < limits.unsent_bytes) {
        auto& slot = slots_[asked_];
        if (!slot.ready) ask(slot, first_id_ + asked_);
        ++asked_;
    }
}

void Session::ask(Slot& slot, std::size_t id) {
    const auto now = Clock::now();
    if (slot.bulk) {  // its body has come
        ++in_flight_;
        return;
    }
    auto response = context_.handler.respond(**slot.request, context_.catalog.caches(), now);
    if (auto* answer = std::get_if<Answer>(&response.what)) {
        slot.kind = response.kind;
        ++in_flight_;
        set_ready(slot, std::move(*answer));
    } else {
        wait_for(slot, std::move(response), id, now);
    }
}

// For what isn't known at once.
void Session::wait_for(Slot& slot, Response response, std::size_t id, Clock::time_point now) {
    slot.kind = response.kind;
    slot.is_private = response.is_private;
    slot.asked_at = now;
    ++in_flight_;
    if (auto* key = std::get_if<service::LookupKey>(&response.what)) {
        look_up(std::move(*key), id, response.leases);
    } else {
        slot.bulk = std::make_unique<BulkWork>(std::move(std::get<BulkWork>(response.what)));
    }
}

void Session::look_up(service::LookupKey key, std::size_t id, bool leases) {
    const auto deadline = last_read_ + context_.handler.lookup_timeout();
    context_.mailbox.ask(std::move(key), deadline, weak_from_this(), id, leases);
}

// Null when the answer isn't wanted any more.
Session::Slot* Session::waiting_slot(std::size_t id) {
    if (closed_ || id < first_id_) return nullptr;
    auto& slot = slots_[id - first_id_];
    return slot.ready ? nullptr : &slot;
}

void Session::receive(Mail mail) {
    auto* slot = waiting_slot(mail.id);
    if (slot == nullptr) return;
    if (!mail.files.empty() && context_.handler.works_on_nars()) {
        auto nar = std::make_shared<const NarWork>(std::move(mail.files), std::move(mail.facts));
        slot->bulk = std::make_unique<BulkWork>(BulkWork{{}, nullptr, std::move(nar)});
        return;
    }
    slot->files = std::move(mail.files);
    // A NAR is opened when what is before it is out: a client has one open file, whatever it asks.
    if (slot->files.empty()) set_ready(*slot, context_.handler.answer(**slot->request, mail));
}

// A disk is never waited for on the network thread.
void Session::open_front_nar() {
    if (slots_.empty() || file_.length > 0) return;
    auto& slot = slots_.front();
    if (slot.ready || slot.begun || slot.files.empty()) return;
    slot.begun = true;
    slot.asked_at = Clock::now();
    auto open = [self = shared_from_this(),
                 request = slot.request,
                 id = first_id_,
                 files = slot.files] {
        auto answer = nar_answer(files, **request);
        if ((*request)->method == Method::head) drop_body(answer);
        asio::post(self->socket_.get_executor(), [self, id, answer = std::move(answer)]() mutable {
            self->complete(id, std::move(answer));
        });
    };
    asio::post(context_.files, std::move(open));
}

void Session::complete(std::size_t id, Answer answer) {
    auto* slot = waiting_slot(id);
    if (slot == nullptr) return;
    set_ready(*slot, std::move(answer));
    pump();
}

void Session::set_ready(Slot& slot, Answer answer) {
    slot.answer = std::move(answer);
    if (slot.is_private) make_private(slot.answer);
    slot.ready = true;
    if (slot.bulk && may_have_body((*slot.request)->method)) has_body_ = false;
    --in_flight_;
    unsent_bytes_ += slot.answer.bytes();
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
        if (writing_ && !awaiting_piece_) {
            context_.counters.slow_clients.add();
            reset_on_close();
        }
        return close();
    }
    if (in_flight_ > 0) expire_lookups(now);
}

bool Session::timed_out(Clock::time_point now) const {
    const auto& limits = context_.limits;
    if (lingering_) return now - last_written_ > k_linger;
    if (awaiting_piece_) return now - piece_since_ > context_.bulk.limits().timeout;
    if (writing_) return now - last_written_ > limits.send;
    if (sink_busy_ && now - sink_since_ > context_.uploads.limits().timeout) return true;
    if (body_left_ > 0 && !owes_continue_) return body_timed_out(now);
    if (!slots_.empty()) return false;  // lookups have a limit of their own
    if (!carry_.empty()) return now - head_since_ > limits.header;
    return now - std::max(last_read_, last_written_) > limits.idle;
}

void Session::expire_lookups(Clock::time_point now) {
    bool expired = false;
    for (std::size_t i = 0; i < asked_; ++i) {
        auto& slot = slots_[i];
        const auto limit = slot.bulk ? bulk_limit(slot) : context_.handler.lookup_timeout();
        const bool waits_its_turn = !slot.begun && (slot.bulk || !slot.files.empty());
        if (slot.ready || waits_its_turn || now - slot.asked_at <= limit) continue;
        set_ready(slot, context_.handler.unavailable(**slot.request));
        expired = true;
    }
    if (expired) pump();
}

void Session::drain() {
    if (closed_) return;
    draining_ = true;
    if (body_left_ > 0) forget_body();
    if (full_) return;  // what has been read is parsed first
    end_input();
    if (quiet()) close();
}

void Session::end_input() {
    input_ended_ = true;
    if (slots_.empty()) {
        close_after_output_ = true;
    } else {
        slots_.back().close_after = true;
    }
}

}  // namespace narthex::http
