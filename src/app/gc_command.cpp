#include "gc_commands.hpp"

namespace narthex::app {

void add_gc(Command app, Action& action) {
    const auto gc =
        app.add_subcommand("gc", "plan what nothing keeps, hide it, and much later remove it");
    gc.require_subcommand();
    add_gc_plan(gc, action);
    add_gc_show(gc, action);
    add_gc_why(gc, action);
    add_gc_hide(gc, action);
    add_gc_restore(gc, action);
    add_gc_purge(gc, action);
    add_gc_status(gc, action);
    add_gc_run(gc, action);
}

}  // namespace narthex::app
