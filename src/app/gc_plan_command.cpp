#include "gc_commands.hpp"
#include "keep_flags.hpp"
#include "plan_text.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/caller.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/progress.hpp"
#include "narthex/service/plan.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

struct PlanFlags {
    std::string cache{k_default_cache};
    std::string engine;  // empty: chosen by size
    service::PlanOptions options;
    double cap = 50;  // percent, as the two below
    double shrink = 20;
    double unresolved = 1;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

service::PlanOptions options_of(const PlanFlags& flags, Cache cache) {
    auto options = flags.options;
    options.cache = std::move(cache);
    options.created_by = caller_name();
    if (!flags.engine.empty()) options.engine = service::parse_engine(flags.engine);
    options.limits = {flags.cap / 100, flags.shrink / 100, flags.unresolved / 100};
    options.now = current_time();
    return options;
}

service::PlanReport plan(
    const std::string& database, const service::PlanOptions& options, Progress& progress
) {
    service::PlanEvents events;
    events.stop = &interrupted();
    events.progress = [&](std::string_view phase, std::uint64_t paths) {
        progress.show({phase, paths, 0, std::nullopt});
    };
    try {
        return service::make_plan(database, options, events);
    } catch (const db::Stopped&) {
        progress.clear();
        throw Failure("interrupted: no plan was made");
    }
}

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

int plan_command(const PlanFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    const auto options = options_of(flags, find_cache(database.uri, flags.cache));
    Progress progress;
    const auto report = plan(database.uri, options, progress);
    progress.clear();
    (flags.json ? print_json : print_text)(report, options, progress.elapsed().count());
    return 0;
}

void add_limits(CLI::App& command, PlanFlags& flags) {
    const auto add = [&](const char* flag, double& percent, const char* help) {
        command.add_option(flag, percent, help)
            ->type_name("PERCENT")
            ->check(CLI::Range(0.0, 100.0).description(""));
    };
    add("--cap", flags.cap, "of the served paths, that may be planned [50]");
    add("--shrink", flags.shrink, "by which what lives may shrink since the last plan [20]");
    add("--unresolved", flags.unresolved, "of the rooted paths, that may be missing [1]");
}

}  // namespace

void add_gc_plan(CLI::App& gc, Action& action) {
    auto* command = gc.add_subcommand(
        "plan", "find what no root or policy keeps, and store it as a plan; hides nothing"
    );
    command->footer(
        "A plan that looks like a mistake (--cap, --shrink, --unresolved, no root at all) is "
        "stored, "
        "too; it says why, and isn't hidden without 'gc hide --force-...'."
    );
    auto flags = std::make_shared<PlanFlags>();
    flags->settings = add_setting_flags(*command, k_database_keys);
    command->add_option("--cache", flags->cache, "the cache [default]")->type_name("NAME");
    add_keep_flags(*command, flags->options.keep);
    add_limits(*command, *flags);
    command->add_option("--engine", flags->engine, "sql or stream [by the size of the graph]")
        ->type_name("ENGINE")
        ->check(CLI::IsMember({"sql", "stream"}).description(""));
    command
        ->add_option(
            "--stream-above",
            flags->options.stream_above,
            "paths above which the stream engine is chosen [20000]"
        )
        ->type_name("N");
    command
        ->add_option(
            "--price-per-tb",
            flags->options.price_per_tb,
            "what 10^12 bytes cost a month, to say what is saved"
        )
        ->type_name("X")
        ->check(CLI::NonNegativeNumber.description(""));
    command->add_flag("--json", flags->json, "print JSON");
    command->callback([&action, flags] { action = [flags] { return plan_command(*flags); }; });
}

}  // namespace narthex::app
