#include "gc_commands.hpp"
#include "gc_common.hpp"
#include "keep_flags.hpp"
#include "plan_flags.hpp"
#include "policy_file.hpp"

#include "narthex/app/byte_text.hpp"
#include "narthex/app/caller.hpp"
#include "narthex/app/database.hpp"
#include "narthex/service/hide.hpp"
#include "narthex/service/purge.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

constexpr std::string_view k_run_keys[] = {"database", "data-dir", "hit-max-age-seconds"};
constexpr std::string_view k_policy_keys[] = {
    "cache",
    "min-age",
    "requested-within",
    "keep-reference-free",
    "keep-content-addressed",
    "cap",
    "shrink",
    "unresolved",
    "engine",
    "stream-above",
    "price-per-tb",
    "hide-rate",
    "purge-after",
    "purge-rate",
};

struct RunFlags : GcFlags {
    std::string policy;
    PlanFlags plan;
    service::HideOptions hide;
    service::PurgeOptions purge;
    std::int64_t purge_after = std::chrono::seconds(service::k_purge_after).count();
};

// What a night's run has done, as far as it came.
struct RunReport {
    service::PlanReport plan;
    service::HideReport hide;
    service::PurgeReport purge;
};

bool ended_early(const RunReport& report) {
    return report.hide.interrupted || report.purge.interrupted || report.purge.failed > 0;
}

// Hides nothing where the plan looks like a mistake: an operator has to look at it.
void check_interlocks(const service::PlanReport& plan) {
    const auto& found = plan.summary.interlocks;
    if (found.empty()) return;
    throw Failure(fmt::format(
        "plan {} isn't hidden, and nothing is purged: {}; look at 'narthex gc show {}', then "
        "either "
        "mend the roots or say 'narthex gc hide {} --force-{}'",
        plan.plan,
        found.front().message,
        plan.plan,
        plan.plan,
        found.front().name
    ));
}

service::PurgeOptions purge_options(const RunFlags& flags, const Config& config, int cache) {
    auto options = flags.purge;
    options.after = std::chrono::seconds(flags.purge_after);
    options.promised = std::max<std::chrono::seconds>(service::k_nix_believes, config.max_ages.hit);
    options.cache = cache;
    options.who = caller_name();
    return options;
}

template <class Report>
Report value_of(Result<Report> report) {
    if (!report) throw Failure(report.error().message);
    return std::move(*report);
}

RunReport collect(const RunFlags& flags, const Config& config, const std::string& database) {
    db::Connection connection(database, db::Session::publishing);
    db::Connection work(database, db::Session::work);
    const auto cache = find_cache_of(work, flags, 0);
    Progress progress;
    RunReport report{make_plan(database, options_of(flags.plan, cache), progress), {}, {}};
    check_interlocks(report.plan);
    const auto events = shown_by(progress);
    if (report.plan.summary.planned.paths > 0) {
        auto options = flags.hide;
        options.plan = report.plan.plan;
        options.who = caller_name();
        report.hide = value_of(service::hide_plan(connection, options, events));
    }
    if (report.hide.interrupted) return report;
    const auto options = purge_options(flags, config, cache.id);
    report.purge = value_of(service::purge_plans(connection, work, options, events));
    return report;
}

void print_json(const RunReport& report) {
    const auto& planned = report.plan.summary;
    auto purged = nlohmann::json::array();
    for (const auto& each : report.purge.plans) {
        purged.push_back({{"plan", each.plan}, {"narinfos", each.narinfos}});
    }
    const nlohmann::json out = {
        {"plan", report.plan.plan},
        {"paths", planned.planned.paths},
        {"nar_size", planned.planned.nar_size},
        {"file_size", planned.file_size},
        {"hidden", report.hide.hidden},
        {"rescued", report.hide.rescued},
        {"purged", purged},
        {"unlinked", report.purge.unlinked},
        {"failed", report.purge.failed},
        {"interrupted", report.hide.interrupted || report.purge.interrupted}};
    fmt::print("{}\n", out.dump());
}

void print_text(const RunReport& report) {
    const auto& planned = report.plan.summary;
    const int plan = report.plan.plan;
    fmt::print(
        "plan {}: {}, {} of NAR files\n",
        plan,
        count_text(planned.planned.paths, "path"),
        byte_text(planned.file_size)
    );
    if (report.hide.interrupted) {
        fmt::print("interrupted: 'narthex gc hide {}' goes on\n", plan);
        return;
    }
    if (report.hide.hidden > 0) {
        fmt::print(
            "hid {}; 'narthex gc restore {}' takes it back\n",
            count_text(report.hide.hidden, "path"),
            plan
        );
    }
    for (const auto& each : report.purge.plans) {
        fmt::print("purged plan {}: {}\n", each.plan, count_text(each.narinfos, "narinfo"));
    }
    for (const auto& failure : report.purge.failures) fmt::print(stderr, "narthex: {}\n", failure);
    if (report.purge.interrupted) fmt::print("interrupted: 'narthex gc purge' goes on\n");
}

int run(const RunFlags& flags) {
    const auto config = load(*flags.settings).config;
    const auto database = open_database(config);
    const auto report = collect(flags, config, database.uri);
    (flags.json ? print_json : print_text)(report);
    return ended_early(report) ? 1 : 0;
}

}  // namespace

void add_gc_run(Command gc, Action& action) {
    const auto command = gc.add_subcommand(
        "run", "plan, hide the plan, and purge what has been hidden for long: for a timer"
    );
    command.footer(
        "A plan that looks like a mistake is left for an operator to look at, and exit code 1 says "
        "so; no flag forces it here. A policy file holds any of the flags from --cache to "
        "--purge-rate, such as 'min-age = \"60d\"'."
    );
    auto flags = std::make_shared<RunFlags>();
    add_gc_flags(command, *flags, k_run_keys);
    command.add_option("--policy", flags->policy, "TOML file with these flags").type_name("FILE");
    add_plan_flags(command, flags->plan);
    command.add_option("--hide-rate", flags->hide.rate, "paths a second, at most [5000]")
        .between(1, 10'000'000)
        .type_name("N");
    add_span(
        command, "--purge-after", flags->purge_after, "how long it must have been hidden [61d]"
    );
    command.add_option("--purge-rate", flags->purge.rate, "paths a second, at most [1000]")
        .between(1, 10'000'000)
        .type_name("N");
    command.callback([&action, flags, command] {
        action = [flags, command] {
            if (!flags->policy.empty()) apply_policy(command, flags->policy, k_policy_keys);
            return run(*flags);
        };
    });
}

}  // namespace narthex::app
