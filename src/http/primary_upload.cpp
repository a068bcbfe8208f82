#include "narthex/http/primary_upload.hpp"

#include "narthex/http/relayed_answer.hpp"

#include <mutex>
#include <optional>
#include <utility>

namespace narthex::http {

struct PrimaryUpload::State : std::enable_shared_from_this<State> {
    State(std::string url, Failed to_call)
        : primary_url(std::move(url)), failed(std::move(to_call)) {}

    void begun(
        const std::shared_ptr<service::Exchange>& exchange,
        const std::variant<service::ExchangeHead, service::ExchangeFault>& what
    ) {
        if (const auto* fault = std::get_if<service::ExchangeFault>(&what)) {
            failed(*fault);
            refuse();
            return settle(primary_fault(primary_url, *fault));
        }
        const auto& head = std::get<service::ExchangeHead>(what);
        if (head.refuses()) refuse();
        relay_answer(exchange, head, Method::put, [self = shared_from_this()](Answer relayed) {
            self->settle(std::move(relayed));
        });
    }

    void refuse() {
        const std::lock_guard lock(mutex);
        refused = true;
    }

    // The answer is there.
    void settle(Answer final) {
        Taken waiting;
        Done ended;
        {
            const std::lock_guard lock(mutex);
            answer = final;
            waiting = std::exchange(taken, nullptr);
            ended = std::exchange(done, nullptr);
        }
        if (waiting) waiting(final);
        if (ended) ended(std::move(final));
    }

    // A piece is on its way, or nobody wants it: then what waits gets the answer.
    void piece_taken(Taken call) {
        std::optional<Answer> refusal;
        {
            const std::lock_guard lock(mutex);
            if (refused && !answer) {
                taken = std::move(call);
                return;
            }
            if (refused) refusal = answer;
        }
        call(std::move(refusal));
    }

    void end(Done call) {
        std::optional<Answer> final;
        {
            const std::lock_guard lock(mutex);
            if (!answer) {
                done = std::move(call);
                return;
            }
            final = answer;
        }
        call(std::move(*final));
    }

    std::string primary_url;
    Failed failed;
    std::mutex mutex;
    bool refused = false;
    std::optional<Answer> answer;
    Taken taken;
    Done done;
};

PrimaryUpload::PrimaryUpload(
    service::Exchanges& exchanges,
    service::ExchangeRequest request,
    std::string primary_url,
    Failed failed
)
    : exchanges_(exchanges),
      request_(std::move(request)),
      state_(std::make_shared<State>(std::move(primary_url), std::move(failed))) {}

PrimaryUpload::~PrimaryUpload() {
    if (exchange_) exchange_->cancel();
}

void PrimaryUpload::begin() {
    if (exchange_) return;
    exchange_ =
        exchanges_.start(request_, [state = state_](const auto& exchange, const auto& what) {
            state->begun(exchange, what);
        });
    if (exchange_) return;
    state_->refuse();
    state_->settle(too_many_relayed());
}

void PrimaryUpload::ask(Taken taken) {
    request_.asks_first = true;
    write({}, std::move(taken));
}

void PrimaryUpload::write(std::string piece, Taken taken) {
    begin();
    if (!exchange_) return state_->piece_taken(std::move(taken));
    auto call = [state = state_, taken = std::move(taken)] { state->piece_taken(taken); };
    exchange_->write(std::move(piece), std::move(call));
}

void PrimaryUpload::end(Done done) {
    begin();
    state_->end(std::move(done));
}

}  // namespace narthex::http
