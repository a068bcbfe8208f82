#include "gc_commands.hpp"
#include "gc_common.hpp"

#include "narthex/app/caller.hpp"
#include "narthex/app/database.hpp"
#include "narthex/service/hide.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

struct HideFlags : GcFlags {
    service::HideOptions hide;
    std::uint64_t region_limit = 60;
};

// What a plan or the servers may object to, each with a flag of its own.
constexpr std::pair<const char*, const char*> k_forces[] = {
    {"no-roots", "though the plan was made without any root"},
    {"unresolved-roots", "though roots named paths that the cache didn't have"},
    {"shrunk", "though much less lived than at the last plan"},
    {"too-many", "though the plan is of a large part of what is served"},
    {"old-plan", "though the plan is older than 7 days"},
    {"lagging-region", "without waiting until regions have the rows"},
};

void print(const HideFlags& flags, const service::HideReport& report) {
    const auto plan = flags.hide.plan;
    if (flags.json) {
        const nlohmann::json out = {
            {"plan", plan},
            {"hidden", report.hidden},
            {"rescued", report.rescued},
            {"hidden_already", report.hidden_already},
            {"interrupted", report.interrupted}};
        fmt::print("{}\n", out.dump());
    } else if (report.interrupted) {
        fmt::print(
            "interrupted: nothing of plan {0} is hidden; 'narthex gc hide {0}' goes on, 'narthex "
            "gc "
            "restore {0}' gives it up\n",
            plan
        );
    } else if (report.hidden_already) {
        fmt::print("plan {} is hidden already ({})\n", plan, count_text(report.hidden, "path"));
    } else {
        fmt::print("plan {}: hid {}\n", plan, count_text(report.hidden, "path"));
        if (report.rescued > 0) {
            fmt::print(
                "{} of it stay served: they have come to be wanted since it was made\n",
                count_text(report.rescued, "path")
            );
        }
        fmt::print("'narthex gc restore {}' takes it back\n", plan);
    }
}

int hide(const HideFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    db::Connection connection(database.uri, db::Session::publishing);
    static_cast<void>(find_cache_of(connection, flags, flags.hide.plan));
    auto options = flags.hide;
    options.who = caller_name();
    options.region_limit = std::chrono::seconds(flags.region_limit);
    Progress progress;
    const auto report = service::hide_plan(connection, options, shown_by(progress));
    progress.clear();
    if (!report) throw Failure(report.error().message);
    print(flags, *report);
    return report->interrupted ? 1 : 0;
}

}  // namespace

void add_gc_hide(Command gc, Action& action) {
    const auto command = gc.add_subcommand(
        "hide", "hide what a plan names: 404 from now on, until it is restored or purged"
    );
    auto flags = std::make_shared<HideFlags>();
    add_gc_flags(command, *flags);
    command.add_option("ID", flags->hide.plan, "the plan").required().positive();
    command.add_option("--rate", flags->hide.rate, "paths a second, at most [5000]")
        .between(1, 10'000'000)
        .type_name("N");
    command.add_option("--region-limit", flags->region_limit, "seconds that regions may take [60]")
        .between(0, 86'400)
        .type_name("N");
    for (const auto& [name, help] : k_forces) {
        command.add_flag_callback(
            fmt::format("--force-{}", name),
            [flags, forced = std::string(name)] { flags->hide.forced.insert(forced); },
            help
        );
    }
    command.callback([&action, flags] { action = [flags] { return hide(*flags); }; });
}

}  // namespace narthex::app
