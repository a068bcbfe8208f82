// A policy file: flags of a command that stay the same from night to night, as TOML. A key is a
// flag without its dashes; what the command line says goes before it.
#pragma once

#include "narthex/app/commands.hpp"

#include <string>

namespace narthex::app {

// To be called when the command line has been read. `known`: flags that may be in it. Throws
// UsageError, which names file and line.
void apply_policy(
    Command command, const std::string& file, std::span<const std::string_view> known
);

}  // namespace narthex::app
