#include "narthex/http/access_answers.hpp"

#include "narthex/http/common_answers.hpp"

#include <variant>

namespace narthex::http {

namespace {

constexpr std::string_view k_how = " (in your netrc file: machine HOST login any password TOKEN)";

Answer unauthorized(std::string_view reason) {
    auto answer = text_answer(401, "401: " + std::string(reason));
    add_field(answer, "WWW-Authenticate", "Basic realm=\"narthex\"");
    return answer;
}

}  // namespace

Answer denied(Denial why, Scope scope) {
    const std::string name(to_string(scope));
    switch (why) {
        case Denial::no_token:
            return unauthorized(
                "a token with the scope " + name + " is needed here" + std::string(k_how)
            );
        case Denial::unknown:
            return unauthorized("this is no token of this server; ask its operator for one");
        case Denial::expired:
            return unauthorized("this token has expired; ask the server's operator for a new one");
        case Denial::revoked:
            return unauthorized("this token was revoked; ask the server's operator for a new one");
        case Denial::wrong_scope:
            return text_answer(403, "403: this token lacks the scope " + name);
        case Denial::other_cache:
            return text_answer(403, "403: this token is for other caches of this server");
        case Denial::unconfirmed:
            break;
    }
    return service_unavailable();
}

std::optional<Answer> access_refusal(
    const service::Access& access, const Request& request, int cache, Scope scope
) {
    const auto decision = access.check(request.authorization, cache, scope);
    const auto* why = std::get_if<Denial>(&decision);
    if (why == nullptr) return std::nullopt;
    return denied(*why, scope);
}

void make_private(Answer& answer) {
    constexpr std::string_view k_field = "Cache-Control: ";
    constexpr std::string_view k_public = "public";
    const auto at = answer.head->find(k_field);
    if (at == std::string::npos) return add_field(answer, "Cache-Control", "private");
    const auto value = at + k_field.size();
    if (answer.head->compare(value, k_public.size(), k_public) != 0) return;
    auto head = *answer.head;
    head.replace(value, k_public.size(), "private");
    answer.head = std::make_shared<const std::string>(std::move(head));
}

}  // namespace narthex::http
