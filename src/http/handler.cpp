#include "narthex/http/handler.hpp"

#include "narthex/core/user_agent.hpp"
#include "narthex/http/front_page.hpp"
#include "narthex/http/nar_answer.hpp"

#include <boost/asio/post.hpp>

namespace narthex::http {

namespace {

using service::LookupAnswer;
using service::LookupKind;

constexpr std::string_view k_retry_after_seconds = "5";

// Nix before 2.32 ends the whole build on a 5xx for a narinfo, even where another cache has it
// (aef431fbd1 in NixOS/nix).
constexpr NixVersion k_nix_that_takes_503{2, 32};

Answer not_found() {
    return text_answer(404, "404: not here");
}

Answer method_not_allowed() {
    auto answer = text_answer(405, "405: only GET and HEAD are possible here");
    add_field(answer, "Allow", "GET, HEAD");
    return answer;
}

// RFC 9112 3.2: HTTP/1.1 names its host, once.
bool has_good_host(const Request& request) {
    return request.host_fields == 1 || (request.host_fields == 0 && request.version == 10);
}

Answer bad_host() {
    auto answer = text_answer(400, "400: exactly one Host field is needed");
    answer.close = true;
    return answer;
}

Answer private_cache() {
    auto answer = text_answer(401, "401: this cache is private");
    add_field(answer, "WWW-Authenticate", "Basic realm=\"narthex\"");
    return answer;
}

Answer service_unavailable() {
    auto answer = text_answer(503, "503: the database is away; try again in some seconds");
    add_field(answer, "Retry-After", k_retry_after_seconds);
    return answer;
}

// For clients that fail on a 503; nobody may keep it.
Answer doubtful_not_found() {
    auto answer = text_answer(404, "404: the database is away, so this may be wrong");
    add_field(answer, "Cache-Control", "no-store");
    return answer;
}

Answer narinfo_answer(const LookupAnswer& found) {
    if (found.status == LookupAnswer::Status::absent) return not_found();
    // The text lives as long as the looked-up value that it is a part of.
    const std::shared_ptr<const std::string> text(found.value, &found.value->text);
    return body_answer(200, "text/x-nix-narinfo", text);
}

bool needs_access(Resource resource) {
    return resource != Resource::cache_info && resource != Resource::health &&
           resource != Resource::ready;
}

std::string url_of(const HandlerOptions& options, const Request& request) {
    if (!options.public_url.empty()) return options.public_url;
    return "http://" + (request.host.empty() ? "localhost" : request.host);
}

}  // namespace

Handler::Handler(
    const service::Catalog& catalog,
    service::Lookups& lookups,
    boost::asio::thread_pool& files,
    HandlerOptions options
)
    : catalog_(catalog), lookups_(lookups), files_(files), options_(std::move(options)) {}

std::optional<Answer> Handler::handle(const std::shared_ptr<const Request>& request, Done done) {
    if (request->method == Method::other) return method_not_allowed();
    if (request->method == Method::get) return answer_get(request, std::move(done));
    auto answer = answer_get(request, [done = std::move(done)](Answer later) {
        drop_body(later);
        done(std::move(later));
    });
    if (answer) drop_body(*answer);
    return answer;
}

std::optional<Answer> Handler::answer_get(
    const std::shared_ptr<const Request>& request, Done done
) {
    if (!has_good_host(*request)) return bad_host();
    const auto caches = catalog_.caches();
    auto to = route(request->target, *caches);
    const bool is_private =
        to.cache != nullptr && to.cache->visibility == Visibility::private_cache;
    if (is_private && needs_access(to.resource)) return private_cache();
    switch (to.resource) {
        case Resource::front_page:
            return body_answer(
                200,
                "text/html; charset=utf-8",
                std::make_shared<const std::string>(
                    front_page(*to.cache, *caches, url_of(options_, *request), options_.version)
                )
            );
        case Resource::cache_info:
            return body_answer(
                200,
                "text/x-nix-cache-info",
                std::make_shared<const std::string>(render_cache_info(*to.cache))
            );
        case Resource::health:
            return text_answer(200, "ok");
        case Resource::ready:
            return readiness();
        case Resource::narinfo:
            look_up_narinfo(std::move(to), request, std::move(done));
            return std::nullopt;
        case Resource::nar:
            look_up_nar(std::move(to), request, std::move(done));
            return std::nullopt;
        case Resource::unknown:
            break;
    }
    return not_found();
}

void Handler::look_up_narinfo(Route route, std::shared_ptr<const Request> request, Done done) {
    const auto deadline = std::chrono::steady_clock::now() + options_.lookup_timeout;
    auto on_found =
        [this, request = std::move(request), done = std::move(done)](const LookupAnswer& found) {
            const bool away = found.status == LookupAnswer::Status::unavailable;
            done(away ? unavailable(*request) : narinfo_answer(found));
        };
    lookups_.submit(
        {LookupKind::narinfo, route.cache->id, std::move(route.key), deadline, std::move(on_found)}
    );
}

void Handler::look_up_nar(Route route, std::shared_ptr<const Request> request, Done done) {
    const auto deadline = std::chrono::steady_clock::now() + options_.lookup_timeout;
    auto on_found = [this, request = std::move(request), done = std::move(done)](LookupAnswer found
                    ) {
        if (found.status == LookupAnswer::Status::unavailable) return done(service_unavailable());
        if (found.status == LookupAnswer::Status::absent) return done(not_found());
        // The lookup threads never wait for a disk.
        boost::asio::post(files_, [request, done, value = std::move(found.value)] {
            done(nar_answer(value->files, *request));
        });
    };
    lookups_.submit(
        {LookupKind::nar_file, route.cache->id, std::move(route.key), deadline, std::move(on_found)}
    );
}

Answer Handler::unavailable(const Request& request) const {
    // A NAR's absence is final for a build; its 503 sends every Nix to the next cache.
    const auto caches = catalog_.caches();
    const bool narinfo = route(request.target, *caches).resource == Resource::narinfo;
    const auto nix = nix_version(request.user_agent);
    const bool old_nix = nix && *nix < k_nix_that_takes_503;
    const bool as_404 = options_.unavailable == UnavailablePolicy::always_404 ||
                        (options_.unavailable == UnavailablePolicy::automatic && old_nix);
    auto answer = narinfo && as_404 ? doubtful_not_found() : service_unavailable();
    if (request.method == Method::head) drop_body(answer);
    return answer;
}

Answer Handler::readiness() const {
    // Lookups only notice an absence when somebody asks; the catalog asks every second.
    if (lookups_.available() && catalog_.current()) return text_answer(200, "ready");
    return service_unavailable();
}

}  // namespace narthex::http
