#include "replica_commands.hpp"

#include "narthex/app/database.hpp"
#include "narthex/service/replica_leave.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

struct LeaveFlags : ReplicaFlags {
    bool force = false;
};

int leave(const LeaveFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    const auto left = service::leave_primary(database.uri, flags.force);
    if (!left) throw Failure(left.error().message);
    if (flags.json) {
        const nlohmann::json out = {
            {"name", left->name},
            {"told", !left->not_told},
            {"reason", left->not_told.value_or("")}};
        fmt::print("{}\n", out.dump());
        return 0;
    }
    fmt::print("region {} has left: this database is empty now\n", left->name);
    if (left->not_told) {
        fmt::print(
            "its primary doesn't know ({}): run there 'narthex replica remove {}'\n",
            *left->not_told,
            left->name
        );
    }
    return 0;
}

}  // namespace

void add_replica_leave(Command replica, Action& action) {
    const auto command = replica.add_subcommand(
        "leave", "on a region: end it; its copy goes, and what its primary has for it"
    );
    auto flags = std::make_shared<LeaveFlags>();
    add_replica_flags(command, *flags);
    command.add_flag("--force", flags->force, "though the primary can't be told");
    command.callback([&action, flags] { action = [flags] { return leave(*flags); }; });
}

}  // namespace narthex::app
