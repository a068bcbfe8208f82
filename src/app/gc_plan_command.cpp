#include "gc_commands.hpp"
#include "plan_flags.hpp"
#include "plan_text.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/progress.hpp"
#include "narthex/service/plan.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

struct PlanCommandFlags : PlanFlags {
    std::string cache{k_default_cache};
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

void print_json(
    const service::PlanReport& report, const service::PlanOptions& options, double seconds
) {
    auto out = nlohmann::ordered_json{
        {"plan", report.plan},
        {"cache", options.cache.name},
        {"engine", service::to_string(report.engine)},
        {"seconds", seconds}};
    out.update(
        nlohmann::ordered_json::parse(service::to_json(report.summary, options.cache.store_dir))
    );
    fmt::print("{}\n", out.dump());
}

void print_text(
    const service::PlanReport& report, const service::PlanOptions& options, double seconds
) {
    fmt::print(
        "plan {} of cache {}, made in {:.1f} s ({} engine)\n",
        report.plan,
        options.cache.name,
        seconds,
        service::to_string(report.engine)
    );
    print_summary(nlohmann::json::parse(service::to_json(report.summary, options.cache.store_dir)));
    fmt::print("Nothing is hidden yet. 'narthex gc show {} --tsv' lists the paths", report.plan);
    if (report.summary.interlocks.empty()) {
        fmt::print(", 'narthex gc hide {}' hides them", report.plan);
    }
    fmt::print(".\n");
}

int plan_command(const PlanCommandFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    const auto options = options_of(flags, find_cache(database.uri, flags.cache));
    Progress progress;
    const auto report = make_plan(database.uri, options, progress);
    progress.clear();
    (flags.json ? print_json : print_text)(report, options, progress.elapsed().count());
    return 0;
}

}  // namespace

void add_gc_plan(Command gc, Action& action) {
    const auto command = gc.add_subcommand(
        "plan", "find what no root or policy keeps, and store it as a plan; hides nothing"
    );
    command.footer(
        "A plan that looks like a mistake (--cap, --shrink, --unresolved, no root at all) is "
        "stored, "
        "too; it says why, and isn't hidden without 'gc hide --force-...'."
    );
    auto flags = std::make_shared<PlanCommandFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("--cache", flags->cache, "the cache [default]").type_name("NAME");
    add_plan_flags(command, *flags);
    command.add_flag("--json", flags->json, "print JSON");
    command.callback([&action, flags] { action = [flags] { return plan_command(*flags); }; });
}

}  // namespace narthex::app
