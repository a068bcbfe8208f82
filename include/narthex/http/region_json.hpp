// Regions in the admin API's JSON (docs/openapi.json). Pure, any thread.
#pragma once

#include "narthex/db/region_status.hpp"

#include <nlohmann/json_fwd.hpp>

namespace narthex::http {

[[nodiscard]] nlohmann::json region_json(const db::RegionStatus& region);

}  // namespace narthex::http
