// Requests with a body: read as it comes, worked on when it is their turn.
#include "narthex/http/session.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

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
    slot.bulk = std::make_unique<BulkWork>(BulkWork{{}, std::move(plan->share)});
    slot.bulk->body.reserve(std::min(plan->bytes, k_first_body_bytes));
    body_left_ = plan->bytes;
    body_since_ = last_read_;
    owes_continue_ = request.expects_100 && request.version == 11;
    if (body_left_ == 0) end_body();
    return true;
}

// Returns how many of `bytes` belong to it.
std::size_t Session::take_body(std::string_view bytes) {
    const auto size = std::min(bytes.size(), body_left_);
    slots_.back().bulk->body += bytes.substr(0, size);
    body_left_ -= size;
    if (body_left_ == 0) end_body();
    return size;
}

// What is behind it waits until it is answered: a client has one body, whatever it sends.
void Session::end_body() {
    owes_continue_ = false;
    input_ended_ = slots_.back().close_after;
    has_body_ = full_ = !input_ended_;
}

// The client has ended in the middle of it.
void Session::refuse_half_body() {
    body_left_ = 0;
    auto& slot = slots_.back();
    slot.close_after = true;
    slot.bulk.reset();
    end_body();
    ++in_flight_;
    set_ready(slot, text_answer(400, "400: the body is shorter than its Content-Length"));
}

// A request that hasn't come whole isn't answered when the server stops.
void Session::forget_body() {
    body_left_ = 0;
    owes_continue_ = false;
    full_ = false;
    head_bytes_ -= slots_.back().request->bytes();
    slots_.pop_back();
}

// In order: a final answer to what is before it goes first. True when there is something to send.
bool Session::put_continue() {
    const bool its_turn = owes_continue_ && slots_.size() == 1 && !close_after_output_;
    if (!its_turn) return false;
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
    slot.begun = true;
    slot.asked_at = Clock::now();
    auto done = [weak = weak_from_this(),
                 executor = socket_.get_executor(),
                 id = first_id_](Answer answer) {
        asio::post(executor, [weak, id, answer = std::move(answer)]() mutable {
            if (auto self = weak.lock()) self->complete(id, std::move(answer));
        });
    };
    context_.bulk.answer({slot.request, std::move(*slot.bulk), weak_from_this()}, std::move(done));
}

}  // namespace narthex::http
