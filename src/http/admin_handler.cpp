#include "narthex/http/admin_handler.hpp"

#include "narthex/core/http_target.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/http/metrics.hpp"

namespace narthex::http {

namespace {

bool is_call(const Request& request) {
    return split_target(request.target).path.starts_with("/api/");
}

}  // namespace

AdminHandler::AdminHandler(
    const service::Catalog& catalog,
    const Readiness& readiness,
    ApiAnswers& api,
    std::function<std::string()> metrics
)
    : catalog_(catalog), readiness_(readiness), api_(api), metrics_(std::move(metrics)) {}

std::optional<BodyPlan> AdminHandler::body_plan(
    const Request& request, const std::vector<Cache>& caches
) const {
    if (!is_call(request) || api_.fault(request, caches)) return std::nullopt;
    return api_.plan(request);
}

Response AdminHandler::respond(
    const Request& request, const std::vector<Cache>& caches, Clock::time_point /*now*/
) {
    if (is_call(request)) return respond_to_call(request, caches);
    auto answer = answer_of(request);
    if (request.method == Method::head) drop_body(answer);
    return {Resource::unknown, std::move(answer)};
}

// A call whose body isn't read.
Response AdminHandler::respond_to_call(const Request& request, const std::vector<Cache>& caches)
    const {
    auto fault = api_.fault(request, caches);
    const bool has_body = request.method == Method::put || request.method == Method::post;
    if (!fault && has_body) fault = too_busy();
    if (!fault) return {Resource::unknown, BulkWork{}};
    if (request.method == Method::head) drop_body(*fault);
    return {Resource::unknown, std::move(*fault)};
}

void AdminHandler::work(BulkAsk ask, std::function<void(Answer)> done) {
    api_.answer(std::move(ask), std::move(done));
}

std::chrono::milliseconds AdminHandler::work_limit(const Request& /*request*/) const {
    return ApiAnswers::k_limit;
}

Answer AdminHandler::answer_of(const Request& request) const {
    if (auto refused = refusal(request)) return std::move(*refused);
    const auto path = split_target(request.target).path;
    if (path == "/metrics") {
        return body_answer(200, k_metrics_type, std::make_shared<const std::string>(metrics_()));
    }
    if (path == "/healthz") return health();
    if (path == "/readyz") return readiness_.answer();
    return text_answer(404, "404: not here; there are /metrics, /healthz, /readyz and /api/v1/");
}

Answer AdminHandler::answer(const Request& request, const Mail& /*mail*/) const {
    return unavailable(request);
}

Answer AdminHandler::unavailable(const Request& /*request*/) const {
    return service_unavailable();
}

std::chrono::milliseconds AdminHandler::lookup_timeout() const {
    return std::chrono::seconds(5);
}

}  // namespace narthex::http
