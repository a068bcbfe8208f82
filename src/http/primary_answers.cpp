#include "narthex/http/primary_answers.hpp"

#include "narthex/core/http_target.hpp"
#include "narthex/core/log_text.hpp"
#include "narthex/http/access_answers.hpp"
#include "narthex/http/primary_upload.hpp"
#include "narthex/http/relay_rules.hpp"
#include "narthex/http/relayed_answer.hpp"
#include "narthex/http/upload_texts.hpp"
#include "narthex/service/log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::http {

namespace {

using db::InstanceRole;

// Then the publisher is told, although its narinfo isn't here yet.
constexpr std::chrono::seconds k_arrival_limit(10);

bool is_region(const db::Instance& instance) {
    return instance.role == InstanceRole::region || instance.role == InstanceRole::joining;
}

service::ExchangeRequest relayed(const Request& request, const db::Instance& instance) {
    service::ExchangeRequest out;
    out.method = method_name(request.method);
    out.url = url_at_primary(instance.primary_url.value_or(""), request.target);
    out.fields = relayed_fields(request, instance.id);
    const bool has_body = request.method != Method::get && request.method != Method::head;
    if (has_body) out.body_bytes = request.content_length.value_or(0);
    return out;
}

std::string shown_url(const db::Instance& instance) {
    return without_user(instance.primary_url.value_or(""));
}

}  // namespace

PrimaryAnswers::PrimaryAnswers(
    service::InstanceNow instance,
    const service::Catalog& catalog,
    const service::Access& access,
    service::Exchanges& exchanges,
    service::Arrivals& arrivals,
    service::Epochs& epochs
)
    : instance_(std::move(instance)),
      catalog_(catalog),
      access_(access),
      exchanges_(exchanges),
      arrivals_(arrivals),
      epochs_(epochs) {}

bool PrimaryAnswers::takes(
    const Request& request, const Route& to, const std::vector<Cache>& caches
) const {
    if (!is_for_primary(request.method, to.resource, true)) return false;
    const bool writes = request.method == Method::put;
    if (!writes && request.authorization.empty()) return false;
    return is_region(*instance_()) && (writes || publishes(request, to, caches));
}

bool PrimaryAnswers::relays_uploads() const {
    return is_region(*instance_());
}

bool PrimaryAnswers::publishes(
    const Request& request, const Route& to, const std::vector<Cache>& caches
) const {
    if (to.cache != nullptr) return is_publisher(access_, request, *to.cache);
    // Attic's question names its cache in the body.
    return std::ranges::any_of(caches, [&](const Cache& cache) {
        return is_publisher(access_, request, cache);
    });
}

std::optional<Answer> PrimaryAnswers::fault(const Request& request) const {
    const auto instance = instance_();
    if (!request.relayed_by.empty()) return relay_loop(instance->name);
    if (!instance->primary_url) return no_primary_url(instance->name);
    if (request.method != Method::put) return std::nullopt;
    if (request.authorization.empty()) return denied(Denial::no_token, Scope::publish);
    if (!request.content_length) return no_length();
    return std::nullopt;
}

std::shared_ptr<BodySink> PrimaryAnswers::upload(const Request& request) const {
    const auto instance = instance_();
    ++relayed_;
    return std::make_shared<PrimaryUpload>(
        exchanges_,
        relayed(request, *instance),
        shown_url(*instance),
        [this, url = shown_url(*instance)](const service::ExchangeFault& fault) {
            failed(url, fault);
        }
    );
}

void PrimaryAnswers::answer(BulkAsk ask, Done done) {
    if (ask.client.expired()) return;
    const auto& request = **ask.request;
    // Asked again: it may have been promoted since.
    const auto instance = instance_();
    if (!is_region(*instance) || !instance->primary_url) {
        return done(text_answer(503, "503: this server's role has just changed; try again"));
    }
    ++relayed_;
    auto body = std::move(ask.work.body);
    auto begun = [this, ask = std::move(ask), done, url = shown_url(*instance)](
                     const auto& exchange, const auto& what
                 ) {
        if (const auto* fault = std::get_if<service::ExchangeFault>(&what)) {
            failed(url, *fault);
            return done(primary_fault(url, *fault));
        }
        const auto method = (*ask.request)->method;
        auto finish = [this, request = ask.request, done](Answer answer) {
            await_narinfo(**request, std::move(answer), done);
        };
        relay_answer(exchange, std::get<service::ExchangeHead>(what), method, std::move(finish));
    };
    const auto exchange = exchanges_.start(relayed(request, *instance), std::move(begun));
    if (!exchange) return done(too_many_relayed());
    if (!body.empty()) exchange->write(std::move(body), [] {});
}

// On the exchanges' thread.
void PrimaryAnswers::failed(const std::string& url, const service::ExchangeFault& fault) const {
    ++failed_;
    if (!log_.may_log()) return;
    service::log_warn(
        "event=primary_not_reached url={} reason={}", log_text(url), log_text(fault.reason)
    );
}

// Holds the answer to a narinfo that was published until it can be read here.
void PrimaryAnswers::await_narinfo(const Request& request, Answer answer, const Done& done) {
    const bool stored = answer.status == 200 || answer.status == 201;
    if (request.method != Method::put || !stored) return done(std::move(answer));
    const auto caches = catalog_.caches();
    const auto to = route(request.target, *caches);
    if (to.resource != Resource::narinfo) return done(std::move(answer));
    const PathKey key{to.cache->id, *to.hash};
    const auto until = service::Arrivals::Clock::now() + k_arrival_limit;
    arrivals_.wait(key, until, [this, key, answer = std::move(answer), done](bool is_here) {
        // Before anybody hears of it: who asks this server next, sees it.
        epochs_.raise(bucket_of(key.hash));
        auto final = answer;
        if (!is_here) {
            ++behind_;
            add_field(final, "Narthex-Region", "behind");
        }
        done(std::move(final));
    });
}

PrimaryAnswers::Figures PrimaryAnswers::figures() const {
    return {relayed_, failed_, behind_};
}

}  // namespace narthex::http
