#include "narthex/http/handler.hpp"

#include "narthex/core/user_agent.hpp"
#include "narthex/http/access_answers.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/http/front_page.hpp"
#include "narthex/http/instance_answer.hpp"
#include "narthex/http/nar_answer.hpp"
#include "narthex/http/upload_texts.hpp"

#include <fmt/format.h>

namespace narthex::http {

namespace {

using service::LookupAnswer;

// Nix before 2.32 ends the whole build on a 5xx for a narinfo, even where another cache has it
// (aef431fbd1 in NixOS/nix).
constexpr NixVersion k_nix_that_takes_503{2, 32};

// For all that an upload needs but the database.
constexpr std::chrono::seconds k_publish_slack(5);

// Whom a lookup needs and can't ask.
std::string_view who_is_away(const Route& to) {
    const bool pulls = to.cache != nullptr && to.cache->pulls_through();
    return pulls ? "an upstream or the database is away" : "the database is away";
}

// For clients that fail on a 503; nobody may keep it.
Answer doubtful_not_found(std::string_view away) {
    auto answer = text_answer(404, fmt::format("404: {}, so this may be wrong", away));
    add_field(answer, "Cache-Control", "no-store");
    return answer;
}

// What only a token gets. nix-cache-info is told to all: Nix gives a cache up that doesn't.
bool is_private(const Route& to) {
    return to.cache != nullptr && to.cache->visibility == Visibility::private_cache &&
           to.resource != Resource::cache_info;
}

bool takes_body(Resource resource) {
    return resource == Resource::narinfos || resource == Resource::cachix_missing ||
           resource == Resource::attic_missing;
}

std::string_view methods_of(Resource resource) {
    return resource == Resource::narinfos ? "POST, QUERY" : "POST";
}

// "text/plain" of "Text/Plain; charset=utf-8".
std::string media_type(std::string_view content_type) {
    auto type = content_type.substr(0, content_type.find(';'));
    type = type.substr(0, type.find_last_not_of(" \t") + 1);
    std::string out;
    for (const char c : type) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

// As `guix publish` serves it, and `guix archive --authorize` takes it.
Answer signing_key(const Cache& cache) {
    if (cache.authorized_keys.empty()) return text_answer(404, "404: this cache has no Guix key");
    return text_answer(200, cache.authorized_keys.front().to_string());
}

std::string url_of(const HandlerOptions& options, const Request& request) {
    if (!options.public_url.empty()) return options.public_url;
    return "http://" + std::string(request.host.empty() ? "localhost" : request.host);
}

}  // namespace

Handler::Handler(
    const service::Catalog& catalog,
    const service::Access& access,
    const service::InstanceWatch& watch,
    const Readiness& readiness,
    const service::Leases& leases,
    NarinfoCache& cache,
    BulkAnswers& bulk,
    UploadAnswers& uploads,
    PrimaryAnswers& primary,
    RegionNars& nars,
    HandlerOptions options
)
    : catalog_(catalog),
      access_(access),
      watch_(watch),
      readiness_(readiness),
      leases_(leases),
      cache_(cache),
      bulk_(bulk),
      uploads_(uploads),
      primary_(primary),
      nars_(nars),
      options_(std::move(options)),
      absent_narinfo_(absent_narinfo_answer(cache.ages())),
      hidden_narinfo_(hidden_narinfo_answer(cache.ages())),
      not_found_(text_answer(404, "404: not here")) {}

Response Handler::respond(
    const Request& request, const std::vector<Cache>& caches, Clock::time_point now
) {
    auto response = respond_to(request, caches, now);
    if (auto* answer = std::get_if<Answer>(&response.what)) {
        if (response.is_private) make_private(*answer);
        if (request.method == Method::head) drop_body(*answer);
    }
    return response;
}

Response Handler::respond_to(
    const Request& request, const std::vector<Cache>& caches, Clock::time_point now
) {
    const bool reads = request.method == Method::get || request.method == Method::head;
    auto to = route(request.target, caches);
    if (request.method == Method::put) return without_upload(request, to, caches);
    if (!reads) return without_body(request, to, caches);
    if (!has_good_host(request)) return {Resource::unknown, bad_host()};
    if (!is_private(to)) return respond_with(std::move(to), request, caches, now);
    if (auto refusal = refusal_of(request, to)) return {to.resource, std::move(*refusal)};
    auto response = respond_with(std::move(to), request, caches, now);
    response.is_private = true;
    return response;
}

// To a GET or HEAD of whoever may ask for it.
Response Handler::respond_with(
    Route to, const Request& request, const std::vector<Cache>& caches, Clock::time_point now
) {
    if (primary_.takes(request, to, caches)) {
        if (auto fault = primary_.fault(request)) return {to.resource, std::move(*fault)};
        return {to.resource, BulkWork{{}, nullptr, {}, true}};
    }
    switch (to.resource) {
        case Resource::front_page:
            return {
                to.resource,
                body_answer(
                    200,
                    "text/html; charset=utf-8",
                    std::make_shared<const std::string>(
                        front_page(*to.cache, caches, url_of(options_, request), options_.version)
                    )
                )};
        case Resource::cache_info:
            return {
                to.resource,
                body_answer(
                    200,
                    "text/x-nix-cache-info",
                    std::make_shared<const std::string>(render_cache_info(*to.cache))
                )};
        case Resource::signing_key:
            return {to.resource, signing_key(*to.cache)};
        case Resource::health:
            return {to.resource, health()};
        case Resource::ready:
            return {to.resource, readiness_.answer()};
        case Resource::instance:
            return {to.resource, instance_answer(*watch_.instance())};
        case Resource::narinfo:
            return narinfo(to, request, now);
        case Resource::nar:
            return {to.resource, service::NarKey{to.cache->id, std::move(to.nar)}};
        case Resource::closure:
        case Resource::companion:
            return {to.resource, BulkWork{}};
        case Resource::narinfos:
        case Resource::cachix_missing:
        case Resource::attic_missing:
            return {to.resource, method_not_allowed(methods_of(to.resource))};
        case Resource::unknown:
            break;
    }
    return {Resource::unknown, not_found_};
}

// Requests of other methods whose bodies aren't taken.
Response Handler::without_body(
    const Request& request, const Route& to, const std::vector<Cache>& caches
) const {
    const bool asks = request.method == Method::post || request.method == Method::query;
    if (!asks || !takes_body(to.resource)) {
        const bool uploaded = UploadAnswers::takes(to.resource);
        return {Resource::unknown, method_not_allowed(uploaded ? "GET, HEAD, PUT" : "GET, HEAD")};
    }
    auto fault = body_fault(request, to, caches);
    return {to.resource, fault ? std::move(*fault) : too_busy()};
}

// Why a body for `to` isn't even read. Absent when it is.
std::optional<Answer> Handler::body_fault(
    const Request& request, const Route& to, const std::vector<Cache>& caches
) const {
    if (!has_good_host(request)) return bad_host();
    if (request.method == Method::query && to.resource != Resource::narinfos) {
        return method_not_allowed(methods_of(to.resource));
    }
    if (is_private(to)) {
        if (auto refusal = refusal_of(request, to)) return refusal;
    }
    const std::string wanted =
        to.resource == Resource::narinfos ? "text/plain" : "application/json";
    if (!request.content_type.empty() && media_type(request.content_type) != wanted) {
        return text_answer(415, "415: the body has to be " + wanted);
    }
    if (request.has_body && !request.content_length) {
        return text_answer(411, "411: the body needs a Content-Length; chunks aren't taken here");
    }
    const auto limit = bulk_.limits().body_bytes;
    if (request.content_length.value_or(0) > limit) {
        return text_answer(
            413,
            "413: the body is larger than " + std::to_string(limit) +
                " bytes: ask in several requests"
        );
    }
    if (primary_.takes(request, to, caches)) return primary_.fault(request);
    return std::nullopt;
}

// Why `request` may not read what is in a private cache. Absent when it may.
std::optional<Answer> Handler::refusal_of(const Request& request, const Route& to) const {
    const auto decision = access_.check(request.authorization, to.cache->id, Scope::read);
    const auto* why = std::get_if<Denial>(&decision);
    if (why == nullptr) return std::nullopt;
    if (*why == Denial::unconfirmed) return unsure(request, to);
    return denied(*why, Scope::read);
}

// PUT whose body isn't taken.
Response Handler::without_upload(
    const Request& request, const Route& to, const std::vector<Cache>& caches
) const {
    if (!has_good_host(request)) return {Resource::unknown, bad_host()};
    if (!UploadAnswers::takes(to.resource)) return without_body(request, to, caches);
    auto fault = upload_fault(request, to, caches);
    return {to.resource, fault ? std::move(*fault) : too_many_uploads()};
}

// Why its body isn't even read. Absent when it is.
std::optional<Answer> Handler::upload_fault(
    const Request& request, const Route& to, const std::vector<Cache>& caches
) const {
    if (!primary_.takes(request, to, caches)) return uploads_.fault(request, to);
    if (auto fault = primary_.fault(request)) return fault;
    return uploads_.size_fault(request, to);
}

std::optional<BodyPlan> Handler::upload_plan(
    const Request& request, const Route& to, const std::vector<Cache>& caches
) const {
    if (!has_good_host(request) || !UploadAnswers::takes(to.resource)) return std::nullopt;
    if (upload_fault(request, to, caches)) return std::nullopt;
    if (primary_.takes(request, to, caches)) return relayed_upload(request, to);
    auto plan = uploads_.plan(request, to);
    if (!plan) return std::nullopt;
    return BodyPlan{
        to.resource, *request.content_length, std::move(plan->share), std::move(plan->sink)};
}

std::optional<BodyPlan> Handler::relayed_upload(const Request& request, const Route& to) const {
    auto share = uploads_.enter(request, to);
    if (!share) return std::nullopt;
    auto sink = to.resource == Resource::nar ? primary_.upload(request) : nullptr;
    return BodyPlan{to.resource, *request.content_length, std::move(share), std::move(sink), true};
}

Response Handler::narinfo(const Route& to, const Request& request, Clock::time_point now) {
    const PathKey key{to.cache->id, *to.hash};
    const bool publisher = is_publisher(access_, request, *to.cache);
    Response looked_up{Resource::narinfo, key};
    looked_up.leases = publisher;
    if (publisher && !leases_.holds(key)) return looked_up;
    const auto known = cache_.find(key, now, !publisher);
    if (!known) return looked_up;
    if (known->narinfo) return {Resource::narinfo, narinfo_answer(known->narinfo, request)};
    return {Resource::narinfo, known->hidden ? hidden_narinfo_ : absent_narinfo_};
}

void Handler::work(BulkAsk ask, std::function<void(Answer)> done) {
    if (ask.work.to_primary) return ask_primary(std::move(ask), std::move(done));
    if (ask.work.nar) return nars_.answer(std::move(ask), std::move(done));
    if ((*ask.request)->method == Method::put)
        return uploads_.answer(std::move(ask), std::move(done));
    bulk_.answer(std::move(ask), std::move(done));
}

void Handler::ask_primary(BulkAsk ask, std::function<void(Answer)> done) {
    auto checked = [this, request = ask.request, done = std::move(done)](Answer answer) {
        const bool away = answer.status == 503 || answer.status == 504;
        const bool reads = (*request)->method == Method::get || (*request)->method == Method::head;
        if (!away || !reads || !fails_on_503(**request)) return done(std::move(answer));
        const auto to = route((*request)->target, *catalog_.caches());
        if (to.resource == Resource::narinfo) answer = doubtful_not_found("the primary is away");
        if ((*request)->method == Method::head) drop_body(answer);
        done(std::move(answer));
    };
    primary_.answer(std::move(ask), std::move(checked));
}

std::chrono::milliseconds Handler::work_limit(const Request& request) const {
    // A body may have a long way from a region to its primary.
    if (request.method == Method::put && primary_.relays_uploads()) {
        return uploads_.limits().timeout;
    }
    if (request.method == Method::put) return uploads_.limits().publish + k_publish_slack;
    return bulk_.limits().timeout;
}

Answer Handler::answer(const Request& request, const Mail& mail) const {
    if (mail.status == LookupAnswer::Status::unavailable) return unavailable(request);
    if (mail.narinfo) return narinfo_answer(mail.narinfo, request);
    if (!mail.redirect.empty()) return redirect_answer(mail.redirect);
    auto answer = without(request, mail.status == LookupAnswer::Status::hidden);
    if (request.method == Method::head) drop_body(answer);
    return answer;
}

// The answer where there is nothing.
const Answer& Handler::without(const Request& request, bool hidden) const {
    if (hidden) return hidden_narinfo_;
    return route(request.target, *catalog_.caches()).hash ? absent_narinfo_ : not_found_;
}

Answer Handler::unavailable(const Request& request) const {
    if (request.method == Method::put) return service_unavailable();
    const auto caches = catalog_.caches();
    const auto to = route(request.target, *caches);
    if (to.resource == Resource::narinfo && !is_publisher(access_, request, *to.cache)) {
        // Nothing can have changed that a database has told nobody.
        const auto known = cache_.last_known({to.cache->id, *to.hash});
        if (known) return narinfo_answer(known, request);
    }
    auto answer = unsure(request, to);
    if (request.method == Method::head) drop_body(answer);
    return answer;
}

// Or is to be told 404 by the configuration.
bool Handler::fails_on_503(const Request& request) const {
    const auto nix = nix_version(request.user_agent);
    const bool old_nix = nix && *nix < k_nix_that_takes_503;
    return options_.unavailable == UnavailablePolicy::always_404 ||
           (options_.unavailable == UnavailablePolicy::automatic && old_nix);
}

Answer Handler::unsure(const Request& request, const Route& to) const {
    // A NAR's absence is final for a build; its 503 sends every Nix to the next cache.
    const auto away = watch_.up_to_date() ? who_is_away(to) : k_primary_away;
    const bool is_narinfo = to.resource == Resource::narinfo;
    return is_narinfo && fails_on_503(request) ? doubtful_not_found(away)
                                               : service_unavailable(away);
}

std::optional<BodyPlan> Handler::body_plan(const Request& request, const std::vector<Cache>& caches)
    const {
    const auto to = route(request.target, caches);
    if (request.method == Method::put) return upload_plan(request, to, caches);
    if (!takes_body(to.resource) || body_fault(request, to, caches)) return std::nullopt;
    const auto bytes = static_cast<std::size_t>(request.content_length.value_or(0));
    auto share = bulk_.enter(bytes);
    if (!share) return std::nullopt;
    const bool to_primary = primary_.takes(request, to, caches);
    return BodyPlan{to.resource, bytes, std::move(share), nullptr, to_primary};
}

}  // namespace narthex::http
