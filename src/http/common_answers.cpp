#include "narthex/http/common_answers.hpp"

namespace narthex::http {

namespace {

constexpr std::string_view k_retry_after_seconds = "5";

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

}  // namespace

std::optional<Answer> refusal(const Request& request) {
    if (request.method != Method::get && request.method != Method::head) {
        return method_not_allowed();
    }
    if (!has_good_host(request)) return bad_host();
    return std::nullopt;
}

Answer service_unavailable() {
    auto answer = text_answer(503, "503: the database is away; try again in some seconds");
    add_field(answer, "Retry-After", k_retry_after_seconds);
    return answer;
}

Answer health() {
    return text_answer(200, "ok");
}

bool is_ready(const service::Lookups& lookups, const service::Catalog& catalog) {
    // Lookups only notice an absence when somebody asks; the catalog asks every second.
    return lookups.available() && catalog.current();
}

Answer readiness(const service::Lookups& lookups, const service::Catalog& catalog) {
    return is_ready(lookups, catalog) ? text_answer(200, "ready") : service_unavailable();
}

}  // namespace narthex::http
