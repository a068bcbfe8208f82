// The flags that say what is kept beside roots, of commands that mark.
#pragma once

#include "narthex/app/commands.hpp"
#include "narthex/service/seeds.hpp"

namespace narthex::app {

// `keep` lives as long as the command line's reading.
void add_keep_flags(CLI::App& command, service::KeepPolicy& keep);

}  // namespace narthex::app
