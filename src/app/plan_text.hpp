// A plan's summary (service/plan_summary.hpp, to_json) for people.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace narthex::app {

// To standard output. What isn't in it is left out: it may be of another version.
void print_summary(const nlohmann::json& summary);

}  // namespace narthex::app
