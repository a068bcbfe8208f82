// Answers that several places give. Any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/request.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/lookups.hpp"

#include <optional>
#include <string_view>

namespace narthex::http {

// To a request that isn't GET or HEAD, or doesn't name its host as it must; absent for others.
[[nodiscard]] std::optional<Answer> refusal(const Request& request);

// RFC 9112 3.2: HTTP/1.1 names its host, once.
[[nodiscard]] bool has_good_host(const Request& request);
[[nodiscard]] Answer bad_host();  // 400

[[nodiscard]] Answer method_not_allowed(std::string_view allowed);  // 405
[[nodiscard]] Answer too_busy();                                    // 503: too many bulk requests

// 503: who is away.
[[nodiscard]] Answer service_unavailable(std::string_view away = "the database is away");

[[nodiscard]] Answer health();
// Whether the database answers.
[[nodiscard]] bool is_ready(const service::Lookups& lookups, const service::Catalog& catalog);
// 200 while it does, else 503.
[[nodiscard]] Answer readiness(const service::Lookups& lookups, const service::Catalog& catalog);

}  // namespace narthex::http
