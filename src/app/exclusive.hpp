// What one root alone keeps, as commands count and show it. Layer app's own.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/service/seeds.hpp"
#include "narthex/service/why.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace narthex::app {

// Marks twice, which takes seconds a million paths; shows progress. Throws Failure when there is no
// such root, and at an interrupt.
[[nodiscard]] service::Tally count_exclusive(
    const std::string& database,
    const Cache& cache,
    const service::KeepPolicy& keep,
    const std::string& root
);

// "3 paths, 1.2 MB unpacked"
[[nodiscard]] std::string tally_text(const service::Tally& tally);

}  // namespace narthex::app
