// Answers that several places give. Any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/request.hpp"

#include <functional>
#include <optional>
#include <string_view>

namespace narthex::http {

// What an instance that isn't up to date can't ask (service::InstanceWatch): for a 503's text.
inline constexpr std::string_view k_primary_away =
    "this server isn't up to date with its primary, which can't be asked";

// To a request that isn't GET or HEAD, or doesn't name its host as it must; absent for others.
[[nodiscard]] std::optional<Answer> refusal(const Request& request);

// RFC 9112 3.2: HTTP/1.1 names its host, once.
[[nodiscard]] bool has_good_host(const Request& request);
[[nodiscard]] Answer bad_host();  // 400

[[nodiscard]] Answer method_not_allowed(std::string_view allowed);  // 405
[[nodiscard]] Answer too_busy();                                    // 503: too many bulk requests

// With Retry-After. `line` says its status, too.
[[nodiscard]] Answer try_later(std::string_view line, int status = 503);

// 503: who is away.
[[nodiscard]] Answer service_unavailable(std::string_view away = "the database is away");

// 503: a region lacks something that its primary may have (service/instance_watch.hpp).
[[nodiscard]] Answer not_up_to_date();

[[nodiscard]] Answer health();

// `done` for the answer to a request of that method: to HEAD without a body.
[[nodiscard]] std::function<void(Answer)> done_for(Method method, std::function<void(Answer)> done);

}  // namespace narthex::http
