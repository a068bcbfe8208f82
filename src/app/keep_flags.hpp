// The flags that say what is kept beside roots, of commands that mark.
#pragma once

#include "narthex/app/commands.hpp"
#include "narthex/service/seeds.hpp"

namespace narthex::app {

// A flag of a time: "30d", "12h", or a number of days; `seconds` has what stands without it. It
// lives as long as the command line's reading, as `keep` below.
void add_span(Command command, const char* flag, std::int64_t& seconds, const char* help);

void add_keep_flags(Command command, service::KeepPolicy& keep);

}  // namespace narthex::app
