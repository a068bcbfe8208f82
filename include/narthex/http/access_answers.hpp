// Answers to requests that may not do what they ask for: 401 to whoever shows no good token, 403 to
// a good one without the right, 503 while the database is away, which may have revoked it.
// Any thread.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/token.hpp"
#include "narthex/http/answer.hpp"
#include "narthex/http/request.hpp"
#include "narthex/service/access.hpp"

#include <optional>

namespace narthex::http {

[[nodiscard]] Answer denied(Denial why, Scope scope);

// Absent when the request may use `scope` in `cache`.
[[nodiscard]] std::optional<Answer> access_refusal(
    const service::Access& access, const Request& request, int cache, Scope scope
);

// Makes it one that nobody keeps but whoever asked: no proxy, no CDN.
void make_private(Answer& answer);

// Whether what is asked for decides what is uploaded to `cache`: then it is leased. Costs nothing
// where no token is shown.
[[nodiscard]] inline bool is_publisher(
    const service::Access& access, const Request& request, const Cache& cache
) {
    return !request.authorization.empty() && !cache.pulls_through() &&
           access.knows(request.authorization, cache.id, Scope::publish);
}

}  // namespace narthex::http
