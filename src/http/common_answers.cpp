#include "narthex/http/common_answers.hpp"

#include <fmt/format.h>

namespace narthex::http {

Answer try_later(std::string_view line, int status) {
    auto answer = text_answer(status, line);
    add_field(answer, "Retry-After", "5");  // seconds
    return answer;
}

bool has_good_host(const Request& request) {
    return request.host_fields == 1 || (request.host_fields == 0 && request.version == 10);
}

Answer bad_host() {
    auto answer = text_answer(400, "400: exactly one Host field is needed");
    answer.close = true;
    return answer;
}

Answer method_not_allowed(std::string_view allowed) {
    auto answer = text_answer(405, "405: possible here: " + std::string(allowed));
    add_field(answer, "Allow", allowed);
    return answer;
}

Answer service_unavailable(std::string_view away) {
    return try_later(fmt::format("503: {}; try again in some seconds", away));
}

Answer not_up_to_date() {
    return try_later(
        "503: this server isn't up to date with its primary, and lacks something of this; ask for "
        "it "
        "one by one, or try again in some seconds"
    );
}

Answer too_busy() {
    return try_later("503: too many bulk requests at once; try again in some seconds");
}

std::optional<Answer> refusal(const Request& request) {
    if (request.method != Method::get && request.method != Method::head) {
        return method_not_allowed("GET, HEAD");
    }
    if (!has_good_host(request)) return bad_host();
    return std::nullopt;
}

Answer health() {
    return text_answer(200, "ok");
}

std::function<void(Answer)> done_for(Method method, std::function<void(Answer)> done) {
    if (method != Method::head) return done;
    return [done = std::move(done)](Answer answer) {
        drop_body(answer);
        done(std::move(answer));
    };
}

}  // namespace narthex::http
