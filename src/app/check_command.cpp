#include "narthex/app/arguments.hpp"
#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/progress.hpp"
#include "narthex/db/caches.hpp"
#include "narthex/service/check.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

using service::CheckReport;
using service::Finding;
using service::FindingKind;

struct CheckFlags {
    std::string cache;  // empty: all
    std::uint64_t sample = 0;
    bool nars = false;
    bool hashes = false;
    bool repair = false;
    std::uint64_t show = 20;  // findings of each kind
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

// A path, a URL and a file's name may hold any bytes.
void print_line(const nlohmann::json& json) {
    fmt::print("{}\n", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_finding(
    const CheckFlags& flags, const Cache& cache, const Finding& finding, std::uint64_t number
) {
    if (flags.json) {
        print_line(
            {{"finding", service::to_string(finding.kind)},
             {"cache", cache.name},
             {"what", finding.what},
             {"detail", finding.detail},
             {"repaired", finding.repaired}}
        );
        return;
    }
    if (number > flags.show) return;
    fmt::print(
        "{:<12}  {}: {}{}\n",
        service::to_string(finding.kind),
        finding.what,
        finding.detail,
        finding.repaired ? " (repaired)" : ""
    );
    if (number == flags.show) {
        fmt::print("{:<12}  ... (--show tells more)\n", service::to_string(finding.kind));
    }
}

nlohmann::json summary_json(const Cache& cache, const CheckReport& report, double seconds) {
    auto findings = nlohmann::json::object();
    auto repaired = nlohmann::json::object();
    for (std::size_t i = 0; i < service::k_finding_kinds; ++i) {
        const auto name = std::string(service::to_string(static_cast<FindingKind>(i)));
        findings[name] = report.found[i];
        repaired[name] = report.repaired[i];
    }
    return {
        {"summary", cache.name},
        {"narinfos", report.narinfos},
        {"hidden", report.hidden},
        {"without_signature", report.without_signature},
        {"nars", report.nars},
        {"nar_bytes_read", report.nar_bytes},
        {"findings", findings},
        {"repaired", repaired},
        {"clean", report.clean()},
        {"interrupted", report.interrupted},
        {"seconds", seconds},
    };
}

void print_summary(
    const CheckFlags& flags, const Cache& cache, const CheckReport& report, double seconds
) {
    fmt::print(
        "{} {} narinfos of cache {} in {:.1f} s",
        report.interrupted ? "interrupted: checked" : "checked",
        report.narinfos,
        cache.name,
        seconds
    );
    if (flags.nars) fmt::print(", {} files of NARs", report.nars);
    if (flags.hashes) fmt::print(", {} bytes of them read", report.nar_bytes);
    fmt::print("\n");
    if (report.hidden > 0) fmt::print("  {} are hidden\n", report.hidden);
    if (report.without_signature > 0) {
        fmt::print("  {} have no signature\n", report.without_signature);
    }
    for (std::size_t i = 0; i < service::k_finding_kinds; ++i) {
        if (report.found[i] == 0) continue;
        const auto name = service::to_string(static_cast<FindingKind>(i));
        fmt::print("  {:<12}  {:>10}", name, report.found[i]);
        if (report.repaired[i] > 0) fmt::print("  ({} repaired)", report.repaired[i]);
        fmt::print("\n");
    }
    if (report.clean() && !report.interrupted) fmt::print("  nothing is wrong\n");
}

service::CheckOptions options_of(const CheckFlags& flags, const Cache& cache) {
    service::CheckOptions options;
    options.cache = cache;
    options.keys = trusted_keys_of(cache);
    options.sample = flags.sample;
    options.files = flags.nars;
    options.hashes = flags.hashes;
    options.repair = flags.repair;
    return options;
}

// True when nothing is left to do.
bool check(const CheckFlags& flags, const Cache& cache, db::Connection& connection) {
    Progress progress;
    auto total = flags.sample;
    if (total == 0 && progress.wanted()) {
        connection.read([&](db::Tx& tx) { total = db::cache_totals(tx, cache.id).narinfos; });
    }
    std::array<std::uint64_t, service::k_finding_kinds> shown{};
    service::CheckEvents events;
    events.stop = &interrupted();
    events.found = [&](const Finding& finding) {
        progress.clear();
        print_finding(flags, cache, finding, ++shown[static_cast<std::size_t>(finding.kind)]);
    };
    events.progress = [&](const CheckReport& so_far) {
        progress.show({"checking", so_far.narinfos, so_far.narinfos, total});
    };
    const auto report = service::check_cache(connection, options_of(flags, cache), events);
    progress.clear();
    const auto seconds = progress.elapsed().count();
    if (flags.json) {
        print_line(summary_json(cache, report, seconds));
    } else {
        print_summary(flags, cache, report, seconds);
    }
    return report.clean() && !report.interrupted;
}

int check_command(const CheckFlags& flags) {
    const auto loaded = load(*flags.settings);
    const auto database = open_database(loaded.config);
    db::Connection connection(database.uri, db::Session::publishing);
    bool clean = true;
    for (const auto& cache : find_caches(connection, flags.cache)) {
        if (interrupted()) break;
        clean = check(flags, cache, connection) && clean;
    }
    return clean && !interrupted() ? 0 : 1;
}

}  // namespace

void add_check(Command app, Action& action) {
    const auto command = app.add_subcommand(
        "check", "look for what is wrong: broken narinfos, gaps, missing or wrong NARs"
    );
    auto flags = std::make_shared<CheckFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("--cache", flags->cache, "only this cache [all]").type_name("NAME");
    command.add_option("--sample", flags->sample, "about so many narinfos, chosen at random [all]")
        .type_name("N")
        .positive();
    command.add_flag("--nars", flags->nars, "look at the files of NARs: there, and their size");
    command.add_flag("--hashes", flags->hashes, "read them as well, and compare their hash")
        .needs("--nars");
    command.add_flag(
        "--repair",
        flags->repair,
        "forget places of NARs where no file is, and NARs without a narinfo and a place; narinfos "
        "and files stay"
    );
    command.add_option("--show", flags->show, "findings of each kind to print [20]")
        .type_name("N")
        .positive();
    command.add_flag("--json", flags->json, "a line of JSON for each finding, then a summary");
    command.callback([&action, flags] { action = [flags] { return check_command(*flags); }; });
}

}  // namespace narthex::app
