#include "gc_commands.hpp"
#include "gc_common.hpp"
#include "keep_flags.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/byte_text.hpp"
#include "narthex/app/caller.hpp"
#include "narthex/app/database.hpp"
#include "narthex/db/purging.hpp"
#include "narthex/service/purge.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace narthex::app {

namespace {

struct PurgeFlags : GcFlags {
    service::PurgeOptions purge;
    int plan = 0;
    std::int64_t after = std::chrono::seconds(service::k_purge_after).count();
    std::string keys;
    std::uint64_t region_limit = 60;
};

// Keys of purged NARs go where narthex's own settings say what clients may keep, too.
constexpr std::string_view k_purge_keys[] = {"database", "data-dir", "hit-max-age-seconds"};

nlohmann::json to_json(const service::PurgeReport& report) {
    auto plans = nlohmann::json::array();
    for (const auto& each : report.plans) {
        plans.push_back(
            {{"plan", each.plan},
             {"narinfos", each.narinfos},
             {"nar_size", each.nar_size},
             {"rescued", each.rescued},
             {"files", each.condemned},
             {"elsewhere", each.elsewhere},
             {"logs", each.logs}}
        );
    }
    return {
        {"plans", plans},
        {"not_due", report.not_due},
        {"unlinked", report.unlinked},
        {"failed", report.failed},
        {"failures", report.failures},
        {"interrupted", report.interrupted}};
}

void print_plan(std::FILE* out, const service::PurgedPlan& plan) {
    fmt::print(
        out,
        "plan {}: purged {} ({} of NARs unpacked)\n",
        plan.plan,
        count_text(plan.narinfos, "narinfo"),
        byte_text(plan.nar_size)
    );
    if (plan.rescued > 0) {
        fmt::print(
            out, "  {} served again: somebody wants them\n", count_text(plan.rescued, "path")
        );
    }
    if (plan.elsewhere > 0) {
        fmt::print(
            out,
            "  {} elsewhere to be removed: 'narthex gc purge --keys FILE' writes their keys\n",
            count_text(plan.elsewhere, "NAR")
        );
    }
}

void print(std::FILE* out, const service::PurgeReport& report) {
    for (const auto& plan : report.plans) print_plan(out, plan);
    if (report.plans.empty()) fmt::print(out, "nothing is due\n");
    for (const int plan : report.not_due) fmt::print(out, "plan {} isn't due yet\n", plan);
    if (report.unlinked > 0) {
        fmt::print(out, "unlinked {}\n", count_text(report.unlinked, "file"));
    }
    if (report.interrupted) fmt::print(out, "interrupted: the same again goes on\n");
    for (const auto& failure : report.failures) fmt::print(stderr, "narthex: {}\n", failure);
    if (report.failed > 0) {
        fmt::print(
            stderr,
            "narthex: {} can't be unlinked: they stay condemned, and the next purge tries again\n",
            count_text(report.failed, "file")
        );
    }
}

class KeyFile {
  public:
    explicit KeyFile(const std::string& name)
        : name_(name), file_(name == "-" ? stdout : std::fopen(name.c_str(), "w")) {
        if (file_ == nullptr) fail();
    }
    ~KeyFile() {
        if (file_ != stdout && file_ != nullptr) std::fclose(file_);
    }
    KeyFile(const KeyFile&) = delete;
    KeyFile& operator=(const KeyFile&) = delete;

    void write(const std::string& key) {
        if (std::fprintf(file_, "%s\n", key.c_str()) < 0) fail();
    }
    void finish() {
        if (std::fflush(file_) != 0) fail();
    }

  private:
    [[noreturn]] void fail() {
        throw Failure(fmt::format("--keys: {}: {}", name_, std::strerror(errno)));
    }

    std::string name_;
    std::FILE* file_;
};

void write_keys(const PurgeFlags& flags, db::Connection& connection, int cache) {
    constexpr int k_page = 1000;
    KeyFile file(flags.keys);
    std::int64_t last = 0;
    std::vector<db::PurgedKey> page;
    do {
        connection.read([&](db::Tx& tx) {
            page = db::list_purged_keys(tx, cache, flags.plan, last, k_page);
        });
        for (const auto& each : page) file.write(each.key);
        if (!page.empty()) last = page.back().number;
    } while (!page.empty());
    file.finish();
}

service::PurgeOptions options_of(const PurgeFlags& flags, const Config& config, int cache) {
    auto options = flags.purge;
    options.after = std::chrono::seconds(flags.after);
    options.promised = std::max<std::chrono::seconds>(service::k_nix_believes, config.max_ages.hit);
    options.region_limit = std::chrono::seconds(flags.region_limit);
    options.cache = cache;
    if (flags.plan != 0) options.plan = flags.plan;
    options.who = caller_name();
    return options;
}

int purge(const PurgeFlags& flags) {
    if (flags.json && flags.keys == "-") {
        throw UsageError("--json and --keys - both want standard output");
    }
    const auto config = load(*flags.settings).config;
    const auto database = open_database(config);
    db::Connection connection(database.uri, db::Session::publishing);
    db::Connection work(database.uri, db::Session::work);
    const auto cache = find_cache_of(work, flags, flags.plan);
    const auto options = options_of(flags, config, cache.id);
    Progress progress;
    const auto report = service::purge_plans(connection, work, options, shown_by(progress));
    progress.clear();
    if (!report) throw Failure(report.error().message);
    if (flags.json) {
        fmt::print(
            "{}\n", to_json(*report).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
        );
    } else {
        print(flags.keys == "-" ? stderr : stdout, *report);
    }
    if (!flags.keys.empty()) write_keys(flags, connection, cache.id);
    return report->failed > 0 || report->interrupted ? 1 : 0;
}

}  // namespace

void add_gc_purge(Command gc, Action& action) {
    const auto command = gc.add_subcommand(
        "purge", "remove for good what has been hidden for long; narinfos stay in an archive"
    );
    auto flags = std::make_shared<PurgeFlags>();
    add_gc_flags(command, *flags, k_purge_keys);
    command.add_option("ID", flags->plan, "a plan; else all that are due").positive();
    add_span(command, "--after", flags->after, "how long it must have been hidden: 61d, 12h [61d]");
    command.add_flag(
        "--force-early",
        flags->purge.forced_early,
        "though clients may still believe that it is there"
    );
    command.add_option("--region-limit", flags->region_limit, "seconds that regions may take [60]")
        .between(0, 86'400)
        .type_name("N");
    command.add_flag(
        "--force-lagging-region",
        flags->purge.forced_lagging_region,
        "without waiting until regions have what is hidden"
    );
    command.add_option("--rate", flags->purge.rate, "paths a second, at most [1000]")
        .between(1, 10'000'000)
        .type_name("N");
    command
        .add_option(
            "--keys", flags->keys, "writes which purged NARs are elsewhere, one a line; '-': print"
        )
        .type_name("FILE");
    command.callback([&action, flags] { action = [flags] { return purge(*flags); }; });
}

}  // namespace narthex::app
