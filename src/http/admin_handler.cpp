#include "narthex/http/admin_handler.hpp"

#include "narthex/core/http_target.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/http/metrics.hpp"

namespace narthex::http {

AdminHandler::AdminHandler(
    const service::Catalog& catalog,
    const service::Lookups& lookups,
    std::function<std::string()> metrics
)
    : catalog_(catalog), lookups_(lookups), metrics_(std::move(metrics)) {}

Response AdminHandler::respond(
    const Request& request, const std::vector<Cache>& /*caches*/, Clock::time_point /*now*/
) {
    auto answer = answer_of(request);
    if (request.method == Method::head) drop_body(answer);
    return {Resource::unknown, std::move(answer)};
}

Answer AdminHandler::answer_of(const Request& request) const {
    if (auto refused = refusal(request)) return std::move(*refused);
    const auto path = split_target(request.target).path;
    if (path == "/metrics") {
        return body_answer(200, k_metrics_type, std::make_shared<const std::string>(metrics_()));
    }
    if (path == "/healthz") return health();
    if (path == "/readyz") return readiness(lookups_, catalog_);
    return text_answer(404, "404: not here; there are /metrics, /healthz and /readyz");
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
