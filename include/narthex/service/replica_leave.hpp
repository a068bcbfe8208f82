// Ending a region: its copy goes, and what its primary has for it.
#pragma once

#include "narthex/core/error.hpp"

#include <optional>
#include <string>

namespace narthex::service {

struct Left {
    std::string name;
    std::optional<std::string> primary_url;
    std::optional<std::string> not_told;  // why the primary doesn't know of it
};

// What was a region's is an empty database then. The primary drops its slot, and removes its role
// when it next looks. `force`: also where the primary can't be told. `database`: the region's own.
// Takes a second or so; throws what db throws.
[[nodiscard]] Result<Left> leave_primary(const std::string& database, bool force);

}  // namespace narthex::service
