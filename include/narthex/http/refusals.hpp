// Answers that several places give. Pure, any thread.
#pragma once

#include "narthex/http/answer.hpp"

namespace narthex::http {

[[nodiscard]] Answer method_not_allowed(std::string_view allowed);  // 405
[[nodiscard]] Answer private_cache();                               // 401
[[nodiscard]] Answer service_unavailable();                         // 503: the database is away
[[nodiscard]] Answer too_busy();                                    // 503: too many bulk requests

}  // namespace narthex::http
