// The calls of the admin API, one transaction each. Layer http's own.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/http/answer.hpp"
#include "narthex/http/api_route.hpp"
#include "narthex/service/root_changes.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace narthex::http {

struct ApiRequest {
    ApiCall call;
    std::string name;  // as in ApiRoute
    Cache cache;
    ApiQuery query;
    std::string body;
    service::Author author;
};

// Every call but list_changes, which may have to wait.
[[nodiscard]] Answer call_api(db::Connection& connection, const ApiRequest& request);

[[nodiscard]] Answer json_answer(int status, const nlohmann::json& body);
[[nodiscard]] Answer bad_request(std::string_view reason);  // 400

}  // namespace narthex::http
