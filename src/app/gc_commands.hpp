// The commands below `narthex gc`: each adds itself, as those of narthex/app/commands.hpp do.
#pragma once

#include "narthex/app/commands.hpp"

namespace narthex::app {

void add_gc_plan(Command gc, Action& action);
void add_gc_show(Command gc, Action& action);
void add_gc_why(Command gc, Action& action);
void add_gc_hide(Command gc, Action& action);
void add_gc_restore(Command gc, Action& action);
void add_gc_purge(Command gc, Action& action);
void add_gc_status(Command gc, Action& action);
void add_gc_run(Command gc, Action& action);

}  // namespace narthex::app
