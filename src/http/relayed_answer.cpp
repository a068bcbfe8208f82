#include "narthex/http/relayed_answer.hpp"

#include "narthex/http/common_answers.hpp"
#include "narthex/http/relay_rules.hpp"

#include <fmt/format.h>

namespace narthex::http {

namespace {

// Larger answers are handed on as they come. What says nothing of its length has to fit, too.
constexpr std::size_t k_gathered = 256 * 1024;

bool has_no_body(Method method, int status) {
    return method == Method::head || status == 204 || status == 304;
}

Answer answer_with(HeadBuilder head, int status, std::string body) {
    Answer answer;
    answer.status = status;
    answer.head = head.share();
    answer.body = std::make_shared<const std::string>(std::move(body));
    return answer;
}

// Takes the pieces of a body until it has ended.
class Gathering : public std::enable_shared_from_this<Gathering> {
  public:
    Gathering(
        std::shared_ptr<service::Exchange> exchange,
        service::ExchangeHead head,
        std::function<void(Answer)> done
    )
        : exchange_(std::move(exchange)), head_(std::move(head)), done_(std::move(done)) {}

    void go_on() {
        exchange_->next([self = shared_from_this()](std::optional<std::string> piece) {
            self->take(std::move(piece));
        });
    }

  private:
    void take(std::optional<std::string> piece) {
        if (!piece || body_.size() + piece->size() > k_gathered) {
            exchange_->cancel();
            return done_(bad_primary_answer(head_.status));
        }
        body_ += *piece;
        if (!piece->empty()) return go_on();
        auto head = relayed_head(head_, body_.size());
        done_(answer_with(std::move(*head), head_.status, std::move(body_)));
    }

    std::shared_ptr<service::Exchange> exchange_;
    service::ExchangeHead head_;
    std::function<void(Answer)> done_;
    std::string body_;
};

}  // namespace

void relay_answer(
    const std::shared_ptr<service::Exchange>& exchange,
    const service::ExchangeHead& head,
    Method method,
    std::function<void(Answer)> done
) {
    const auto length = head.length();
    auto relayed = relayed_head(head, length);
    if (!relayed) {
        exchange->cancel();
        return done(bad_primary_answer(head.status));
    }
    if (!has_no_body(method, head.status) && length.value_or(0) <= k_gathered) {
        return std::make_shared<Gathering>(exchange, head, std::move(done))->go_on();
    }
    Answer answer;
    answer.status = head.status;
    answer.head = relayed->share();
    if (!has_no_body(method, head.status))
        answer.source = std::make_shared<ExchangeSource>(exchange);
    done(std::move(answer));
}

Answer primary_fault(std::string_view primary_url, const service::ExchangeFault& fault) {
    if (fault.too_slow) {
        return try_later(
            fmt::format(
                "504: this region's primary, {}, doesn't answer in time; try again in some seconds",
                primary_url
            ),
            504
        );
    }
    return try_later(fmt::format(
        "503: this region's primary, {}, can't be reached; try again in some seconds", primary_url
    ));
}

Answer relay_loop(std::string_view region) {
    return text_answer(
        508,
        fmt::format(
            "508: region {} was asked by a region as its primary: tell its operator that the "
            "primary's URL is another",
            region
        )
    );
}

Answer no_primary_url(std::string_view region) {
    return text_answer(
        503, fmt::format("503: region {} doesn't know its primary's URL: tell its operator", region)
    );
}

Answer too_many_relayed() {
    return try_later("503: too many requests for this region's primary; try again in some seconds");
}

Answer bad_primary_answer(int status) {
    return try_later(
        fmt::format(
            "502: what this region's primary answers ({}) isn't whole or isn't narthex's: tell its "
            "operator",
            status
        ),
        502
    );
}

}  // namespace narthex::http
