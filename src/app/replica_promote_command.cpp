#include "replica_commands.hpp"

#include "narthex/app/caller.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/time_text.hpp"
#include "narthex/service/replica_promote.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

struct PromoteFlags : ReplicaFlags {
    std::string url;
    bool unfenced = false;
    bool forgets_old = false;
};

void print_json(const service::Promoted& promoted) {
    const auto& lost = promoted.lost_after;
    const nlohmann::json out = {
        {"name", promoted.name},
        {"epoch", promoted.epoch},
        {"fenced", promoted.fenced},
        {"lost_after", lost ? nlohmann::json(time_text(*lost)) : nlohmann::json()},
        {"others", promoted.others}};
    fmt::print("{}\n", out.dump());
}

void print(const service::Promoted& promoted) {
    if (promoted.name.empty()) {
        fmt::print(
            "{}\n",
            promoted.fenced ? "the old primary is fenced now: it takes no writes any more"
                            : "the old primary is given up: nobody here tells it any more that it "
                              "was replaced"
        );
        return;
    }
    fmt::print("region {} is the primary now, epoch {}\n", promoted.name, promoted.epoch);
    if (promoted.fenced) {
        fmt::print("the old primary is fenced, and all that it had is here\n");
    } else {
        fmt::print(
            "the old primary could not be asked: what was published there after {} is lost. When "
            "it is "
            "back, this narthex fences it, or 'narthex replica promote' again\n",
            promoted.lost_after ? time_text(*promoted.lost_after) : "the last heartbeat"
        );
    }
    fmt::print("what followed the old one has to follow this one, with an invite from here:\n");
    for (const auto& name : promoted.others) {
        fmt::print("  narthex replica invite {0}, then there: replica follow --name {0}\n", name);
    }
    fmt::print("  and the old primary, when it is there, under a name of its own\n");
}

int promote(const PromoteFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    service::PromoteOptions options;
    options.url = checked_url("--url", flags.url);
    options.unfenced = flags.unfenced;
    options.forgets_old = flags.forgets_old;
    options.who = caller_name();
    options.stop = &interrupted();
    const auto promoted = service::promote(database.uri, options);
    if (!promoted) throw Failure(promoted.error().message);
    if (flags.json) {
        print_json(*promoted);
    } else {
        print(*promoted);
    }
    return 0;
}

}  // namespace

void add_replica_promote(Command replica, Action& action) {
    const auto command = replica.add_subcommand(
        "promote", "on a full region: become the primary; the old one takes no writes from then on"
    );
    auto flags = std::make_shared<PromoteFlags>();
    add_replica_flags(command, *flags);
    command.add_option("--url", flags->url, "where clients reach it; kept").type_name("URL");
    command.add_flag(
        "--force-unfenced",
        flags->unfenced,
        "though the old primary can't be asked: what it had last is lost, and it may take more"
    );
    command
        .add_flag(
            "--forget-old",
            flags->forgets_old,
            "after --force-unfenced: try no longer to fence the old primary, which is gone for good"
        )
        .excludes("--force-unfenced");
    command.callback([&action, flags] { action = [flags] { return promote(*flags); }; });
}

}  // namespace narthex::app
