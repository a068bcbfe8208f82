// What a companion that is uploaded has to be, as far as it matters to whoever reads it. Pure, any
// thread.
#pragma once

#include "narthex/core/companion.hpp"
#include "narthex/core/error.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace narthex::http {

// The output that it belongs to, which realisations and build traces name in their JSON
// (libstore/realisation.cc in NixOS/nix); of others what their path says.
[[nodiscard]] Result<std::optional<HashPart>> output_of_companion(
    const CompanionPath& path, std::string_view content
);

}  // namespace narthex::http
