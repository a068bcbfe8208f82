#include "narthex/http/refusals.hpp"

namespace narthex::http {

namespace {

Answer later(std::string_view line) {
    auto answer = text_answer(503, line);
    add_field(answer, "Retry-After", "5");  // seconds
    return answer;
}

}  // namespace

Answer method_not_allowed(std::string_view allowed) {
    auto answer = text_answer(405, "405: possible here: " + std::string(allowed));
    add_field(answer, "Allow", allowed);
    return answer;
}

Answer private_cache() {
    auto answer = text_answer(401, "401: this cache is private");
    add_field(answer, "WWW-Authenticate", "Basic realm=\"narthex\"");
    return answer;
}

Answer service_unavailable() {
    return later("503: the database is away; try again in some seconds");
}

Answer too_busy() {
    return later("503: too many bulk requests at once; try again in some seconds");
}

}  // namespace narthex::http
