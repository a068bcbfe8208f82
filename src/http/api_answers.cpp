#include "narthex/http/api_answers.hpp"

#include "api_calls.hpp"

#include "narthex/core/http_target.hpp"
#include "narthex/http/access_answers.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/http/upload_texts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace narthex::http {

namespace {

using Clock = std::chrono::steady_clock;

// A list of half a million paths.
constexpr std::size_t k_body_bytes = 32 * 1024 * 1024;
// How often a body is in memory on its way to the database: its JSON, its paths.
constexpr std::size_t k_copies = 4;
constexpr std::size_t k_memory_bytes = 512 * 1024 * 1024;
// For the database.
constexpr std::chrono::seconds k_deadline(10);
// In no cache: what a token for some caches never allows.
constexpr int k_no_cache = -1;

struct Target {
    ApiRoute route;
    std::optional<std::string_view> query;
};

std::optional<Target> target_of(const Request& request) {
    const auto [path, query] = split_target(request.target);
    auto route = api_route(request.method, path);
    if (!route) return std::nullopt;
    return Target{std::move(*route), query};
}

const Cache* find_cache(const std::vector<Cache>& caches, const ApiQuery& query) {
    const auto name = query.text("cache").value_or(std::string(k_default_cache));
    const auto at = std::ranges::find(caches, name, &Cache::name);
    return at == caches.end() ? nullptr : &*at;
}

// The token that one of the call's scopes comes from, or why there is none.
std::variant<service::Grant, Answer> check_access(
    const service::Access& access, const Request& request, ApiCall call, int cache
) {
    std::optional<Answer> refusal;
    for (const auto scope : scopes_of(call)) {
        auto decision = access.check(request.authorization, cache, scope);
        if (auto* grant = std::get_if<service::Grant>(&decision)) return std::move(*grant);
        const auto why = std::get<Denial>(decision);
        if (!refusal) refusal = denied(why, scope);
        if (why != Denial::wrong_scope) break;
    }
    return std::move(*refusal);
}

bool is_json(std::string_view content_type) {
    const auto type = content_type.substr(0, content_type.find_first_of("; \t"));
    return type.empty() || type == "application/json";
}

std::optional<Answer> body_fault(const Request& request) {
    const auto& coding = request.content_encoding;
    if (!coding.empty() && coding != "identity") {
        return text_answer(415, "415: the body must not be compressed");
    }
    if (!is_json(request.content_type)) {
        return text_answer(415, "415: the body has to be application/json");
    }
    if (request.has_body && !request.content_length) {
        return text_answer(411, "411: the body needs a Content-Length; chunks aren't taken here");
    }
    if (request.content_length.value_or(0) <= k_body_bytes) return std::nullopt;
    return text_answer(
        413,
        fmt::format(
            "413: the body is larger than {} bytes; 'narthex root add --list' takes any list",
            k_body_bytes
        )
    );
}

std::int64_t current_time() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

}  // namespace

ApiAnswers::ApiAnswers(
    const service::Catalog& catalog,
    const service::Access& access,
    service::Publishing& database,
    service::ChangeWatch& changes
)
    : catalog_(catalog),
      access_(access),
      database_(database),
      changes_(database, changes),
      room_(k_memory_bytes) {}

std::optional<Answer> ApiAnswers::fault(const Request& request, const std::vector<Cache>& caches)
    const {
    const auto target = target_of(request);
    if (!target) return text_answer(404, "404: the API has nothing here");
    if (!target->route.call) return method_not_allowed(target->route.allowed);
    if (!has_good_host(request)) return bad_host();
    const auto call = *target->route.call;
    const auto query = ApiQuery::parse(call, target->query);
    const auto* cache = query ? find_cache(caches, *query) : nullptr;
    const int id = cache != nullptr ? cache->id : k_no_cache;
    auto access = check_access(access_, request, call, id);
    if (auto* refusal = std::get_if<Answer>(&access)) return std::move(*refusal);
    if (!query) return bad_request(query.error().message);
    if (cache == nullptr) return text_answer(404, "404: there is no such cache");
    return takes_body(call) ? body_fault(request) : std::nullopt;
}

std::optional<BodyPlan> ApiAnswers::plan(const Request& request) const {
    const auto target = target_of(request);
    if (!target || !target->route.call || !takes_body(*target->route.call)) return std::nullopt;
    const auto bytes = static_cast<std::size_t>(request.content_length.value_or(0));
    auto share = room_.enter(k_copies * bytes);
    if (!share) return std::nullopt;
    return BodyPlan{Resource::unknown, bytes, std::move(share)};
}

void ApiAnswers::answer(BulkAsk ask, Done done) {
    const auto& request = **ask.request;
    done = done_for(request.method, std::move(done));
    // Asked again: a cache or the right may have gone while the body came.
    const auto caches = catalog_.caches();
    if (auto refusal = fault(request, *caches)) return done(std::move(*refusal));
    const auto target = target_of(request).value();
    const auto call = *target.route.call;
    const auto query = ApiQuery::parse(call, target.query).value();
    const auto& cache = *find_cache(*caches, query);
    if (call == ApiCall::list_changes) return follow(ask, done, cache.id, query);
    auto access = check_access(access_, request, call, cache.id);
    if (auto* refusal = std::get_if<Answer>(&access)) return done(std::move(*refusal));
    const auto who = "token " + std::get<service::Grant>(access).name;
    const auto asked = std::make_shared<const ApiRequest>(ApiRequest{
        call, target.route.name, cache, query, std::move(ask.work.body), {who, current_time()}});
    submit(done, [asked, share = ask.work.share](db::Connection& connection) {
        return call_api(connection, *asked);
    });
}

void ApiAnswers::follow(const BulkAsk& ask, const Done& done, int cache, const ApiQuery& query) {
    const auto wanted = parse_follow(cache, query, Clock::now());
    if (!wanted) return done(bad_request(wanted.error().message));
    auto refusal = [this, request = ask.request] { return fault(**request, *catalog_.caches()); };
    changes_.answer({*wanted, ask.client, std::move(refusal), done});
}

void ApiAnswers::submit(const Done& done, std::function<Answer(db::Connection&)> run) {
    service::PublishTask task;
    task.deadline = Clock::now() + k_deadline;
    task.run = [done, run = std::move(run)](db::Connection& connection) { done(run(connection)); };
    task.fail = [done](service::PublishFault fault, const std::string& reason) {
        done(publish_fault(fault, reason));
    };
    database_.submit(std::move(task));
}

}  // namespace narthex::http
