// The commands below `narthex gc`: each adds itself, as those of narthex/app/commands.hpp do.
#pragma once

#include "narthex/app/commands.hpp"

namespace narthex::app {

void add_gc_plan(CLI::App& gc, Action& action);
void add_gc_show(CLI::App& gc, Action& action);
void add_gc_why(CLI::App& gc, Action& action);
void add_gc_exclusive(CLI::App& gc, Action& action);
void add_gc_hide(CLI::App& gc, Action& action);
void add_gc_restore(CLI::App& gc, Action& action);
void add_gc_purge(CLI::App& gc, Action& action);
void add_gc_status(CLI::App& gc, Action& action);
void add_gc_run(CLI::App& gc, Action& action);

}  // namespace narthex::app
