#include "narthex/http/handler.hpp"

#include "narthex/core/user_agent.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/http/front_page.hpp"

namespace narthex::http {

namespace {

using service::LookupAnswer;

// Nix before 2.32 ends the whole build on a 5xx for a narinfo, even where another cache has it
// (aef431fbd1 in NixOS/nix).
constexpr NixVersion k_nix_that_takes_503{2, 32};

Answer private_cache() {
    auto answer = text_answer(401, "401: this cache is private");
    add_field(answer, "WWW-Authenticate", "Basic realm=\"narthex\"");
    return answer;
}

// For clients that fail on a 503; nobody may keep it.
Answer doubtful_not_found() {
    auto answer = text_answer(404, "404: the database is away, so this may be wrong");
    add_field(answer, "Cache-Control", "no-store");
    return answer;
}

bool needs_access(Resource resource) {
    return resource != Resource::cache_info && resource != Resource::health &&
           resource != Resource::ready;
}

std::string url_of(const HandlerOptions& options, const Request& request) {
    if (!options.public_url.empty()) return options.public_url;
    return "http://" + std::string(request.host.empty() ? "localhost" : request.host);
}

}  // namespace

Handler::Handler(
    const service::Catalog& catalog,
    const service::Lookups& lookups,
    NarinfoCache& cache,
    HandlerOptions options
)
    : catalog_(catalog),
      lookups_(lookups),
      cache_(cache),
      options_(std::move(options)),
      absent_narinfo_(absent_narinfo_answer(cache.ages())),
      not_found_(text_answer(404, "404: not here")) {}

Response Handler::respond(
    const Request& request, const std::vector<Cache>& caches, Clock::time_point now
) {
    auto response = respond_to(request, caches, now);
    if (request.method == Method::head) {
        if (auto* answer = std::get_if<Answer>(&response.what)) drop_body(*answer);
    }
    return response;
}

Response Handler::respond_to(
    const Request& request, const std::vector<Cache>& caches, Clock::time_point now
) {
    if (auto refused = refusal(request)) return {Resource::unknown, std::move(*refused)};
    auto to = route(request.target, caches);
    const bool is_private =
        to.cache != nullptr && to.cache->visibility == Visibility::private_cache;
    if (is_private && needs_access(to.resource)) return {to.resource, private_cache()};
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
        case Resource::health:
            return {to.resource, health()};
        case Resource::ready:
            return {to.resource, readiness(lookups_, catalog_)};
        case Resource::narinfo:
            return narinfo({to.cache->id, *to.hash}, request, now);
        case Resource::nar:
            return {to.resource, service::NarKey{to.cache->id, std::move(to.nar)}};
        case Resource::unknown:
            break;
    }
    return {Resource::unknown, not_found_};
}

Response Handler::narinfo(const PathKey& key, const Request& request, Clock::time_point now) {
    const auto known = cache_.find(key, now);
    if (!known) return {Resource::narinfo, key};
    if (!known->narinfo) return {Resource::narinfo, absent_narinfo_};
    return {Resource::narinfo, narinfo_answer(known->narinfo, request)};
}

Answer Handler::answer(const Request& request, const Mail& mail) const {
    if (mail.status == LookupAnswer::Status::unavailable) return unavailable(request);
    if (mail.narinfo) return narinfo_answer(mail.narinfo, request);
    auto answer = route(request.target, *catalog_.caches()).hash ? absent_narinfo_ : not_found_;
    if (request.method == Method::head) drop_body(answer);
    return answer;
}

Answer Handler::unavailable(const Request& request) const {
    const auto caches = catalog_.caches();
    const auto to = route(request.target, *caches);
    if (to.hash) {
        // Nothing can have changed that a database has told nobody.
        const auto known = cache_.last_known({to.cache->id, *to.hash});
        if (known) return narinfo_answer(known, request);
    }
    const auto nix = nix_version(request.user_agent);
    const bool old_nix = nix && *nix < k_nix_that_takes_503;
    const bool as_404 = options_.unavailable == UnavailablePolicy::always_404 ||
                        (options_.unavailable == UnavailablePolicy::automatic && old_nix);
    // A NAR's absence is final for a build; its 503 sends every Nix to the next cache.
    auto answer = to.hash && as_404 ? doubtful_not_found() : service_unavailable();
    if (request.method == Method::head) drop_body(answer);
    return answer;
}

}  // namespace narthex::http
