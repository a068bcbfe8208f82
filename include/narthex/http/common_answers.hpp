// Answers that every listener gives.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/request.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/lookups.hpp"

#include <optional>

namespace narthex::http {

// To a request that isn't GET or HEAD, or doesn't name its host as it must; absent for others.
[[nodiscard]] std::optional<Answer> refusal(const Request& request);

// 503: try again in some seconds.
[[nodiscard]] Answer service_unavailable();

[[nodiscard]] Answer health();
// Whether the database answers.
[[nodiscard]] bool is_ready(const service::Lookups& lookups, const service::Catalog& catalog);
// 200 while it does, else 503.
[[nodiscard]] Answer readiness(const service::Lookups& lookups, const service::Catalog& catalog);

}  // namespace narthex::http
