// Requests with a body: read as it comes, worked on when it is their turn.
#include "narthex/http/session.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace narthex::http {

namespace asio = boost::asio;

namespace {
// A body's buffer grows as bytes come: what a head announces costs nothing.
constexpr std::size_t k_first_body_bytes = 16 * 1024;
}  // namespace

// True when the request's body is taken; its slot then waits for it.
bool Session::begin_body(const Request& request) {
    auto plan = context_.handler.body_plan(request, context_.catalog.caches());
    if (!plan) return false;
    add_slot(request);
    auto& slot = slots_.back();
    slot.close_after = !request.keep_alive;
    slot.kind = plan->kind;
    slot.bulk =
        std::make_unique<BulkWork>(BulkWork{{}, std::move(plan->share), {}, plan->to_primary});
    slot.sink = sink_ = std::move(plan->sink);
    if (!sink_) slot.bulk->body.reserve(std::min<std::size_t>(plan->bytes, k_first_body_bytes));
    body_left_ = plan->bytes;
    body_since_ = last_read_;
    owes_continue_ = request.expects_100 && request.version == 11;
    sink_asked_ = false;
    if (body_left_ == 0) end_body();
    return true;
}

// Returns how many of `bytes` belong to it.
std::size_t Session::take_body(std::string_view bytes) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), body_left_));
    auto& into = sink_ ? piece_ : slots_.back().bulk->body;
    into += bytes.substr(0, size);
    body_left_ -= size;
    if (body_left_ == 0) end_body();
    if (sink_) feed_sink();
    return size;
}

void Session::feed_sink() {
    const bool enough = piece_.size() >= k_piece_bytes || body_left_ == 0;
    if (sink_busy_ || piece_.empty() || !enough) return;
    sink_busy_ = true;
    sink_since_ = Clock::now();
    sink_->write(std::exchange(piece_, {}), on_taken());
}

BodySink::Taken Session::on_taken() {
    return [weak = weak_from_this(),
            executor = socket_.get_executor()](std::optional<Answer> refusal) {
        asio::post(executor, [weak, refusal = std::move(refusal)]() mutable {
            if (auto self = weak.lock()) self->on_piece_taken(std::move(refusal));
        });
    };
}

void Session::on_piece_taken(std::optional<Answer> refusal) {
    sink_busy_ = false;
    if (closed_ || !sink_) return;
    // Of a body that has come as a whole, the sink says it again at its end.
    if (refusal && body_left_ > 0) {
        refuse_rest_of_body(std::move(*refusal));
    } else {
        feed_sink();
    }
    pump();
}

// What is behind it waits until it is answered: a client has one body, whatever it sends.
void Session::end_body() {
    owes_continue_ = false;
    input_ended_ = slots_.back().close_after;
    has_body_ = full_ = !input_ended_;
}

// It isn't wanted, or the client has ended in the middle of it.
void Session::refuse_rest_of_body(Answer answer) {
    body_left_ = 0;
    auto& slot = slots_.back();
    slot.close_after = true;
    slot.bulk.reset();
    slot.sink.reset();
    forget_sink();
    end_body();
    ++in_flight_;
    set_ready(slot, std::move(answer));
}

void Session::forget_sink() {
    sink_.reset();
    piece_ = {};
}

// A request that hasn't come whole isn't answered when the server stops.
void Session::forget_body() {
    body_left_ = 0;
    owes_continue_ = false;
    full_ = false;
    head_bytes_ -= slots_.back().request->bytes();
    slots_.pop_back();
    forget_sink();
}

// True while it hasn't said yet whether it wants the body.
bool Session::asks_sink() {
    if (!sink_ || sink_busy_) return sink_busy_;
    if (sink_asked_) return false;
    sink_asked_ = sink_busy_ = true;
    sink_since_ = Clock::now();
    sink_->ask(on_taken());
    return true;
}

// In order: a final answer to what is before it goes first. True when there is something to send.
bool Session::put_continue() {
    const bool its_turn = owes_continue_ && slots_.size() == 1 && !close_after_output_;
    if (!its_turn || asks_sink()) return false;
    owes_continue_ = false;
    body_since_ = Clock::now();
    output_ += "HTTP/1.1 100 Continue\r\n\r\n";
    return true;
}

// One at a time, like the files of NARs.
void Session::begin_front_bulk() {
    if (slots_.empty() || asked_ == 0 || source_) return;
    auto& slot = slots_.front();
    if (slot.ready || slot.begun || !slot.bulk) return;
    if (slot.sink && (sink_busy_ || !piece_.empty())) return;
    slot.begun = true;
    slot.asked_at = Clock::now();
    auto done = [weak = weak_from_this(),
                 executor = socket_.get_executor(),
                 id = first_id_](Answer answer) {
        asio::post(executor, [weak, id, answer = std::move(answer)]() mutable {
            if (auto self = weak.lock()) self->complete(id, std::move(answer));
        });
    };
    if (slot.sink) {
        forget_sink();
        return slot.sink->end(std::move(done));
    }
    context_.handler.work({slot.request, std::move(*slot.bulk), weak_from_this()}, std::move(done));
}

std::chrono::milliseconds Session::bulk_limit(const Slot& slot) const {
    if (slot.sink) return context_.uploads.limits().timeout;
    return context_.handler.work_limit(**slot.request);
}

// Uploads take as long as they take, as long as they go on.
bool Session::body_timed_out(Clock::time_point now) const {
    const auto& limits = context_.limits;
    const bool is_upload = (*slots_.back().request)->method == Method::put;
    if (!is_upload) return now - body_since_ > limits.header;
    if (sink_busy_ && piece_.size() >= k_piece_bytes) return false;  // it isn't read from
    return now - std::max(last_read_, body_since_) > limits.send;
}

}  // namespace narthex::http
