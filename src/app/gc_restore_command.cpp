#include "gc_commands.hpp"
#include "gc_common.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/caller.hpp"
#include "narthex/app/database.hpp"
#include "narthex/service/restore.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace narthex::app {

namespace {

struct RestoreFlags : GcFlags {
    std::vector<std::string> what;
};

// The number of a plan; absent for a path, whose hash part alone is longer.
std::optional<int> parse_plan(const std::string& text) {
    int plan = 0;
    const auto* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, plan);
    if (parsed.ec != std::errc{} || parsed.ptr != end || plan < 1) return std::nullopt;
    return plan;
}

struct Restored {
    nlohmann::json plans = nlohmann::json::array();
    std::uint64_t paths = 0;
};

void restore_plan(
    const RestoreFlags& flags,
    const std::string& database,
    db::Connection& connection,
    int plan,
    Restored& restored
) {
    static_cast<void>(find_cache_of(connection, flags, plan));
    db::Connection work(database, db::Session::work);
    Progress progress;
    const auto report =
        service::restore_plan(connection, work, plan, caller_name(), shown_by(progress));
    progress.clear();
    if (!report) throw Failure(report.error().message);
    restored.plans.push_back(
        {{"plan", plan}, {"restored", report->restored}, {"served_already", report->served_already}}
    );
    if (flags.json) return;
    if (report->served_already) {
        fmt::print("plan {} isn't hidden\n", plan);
    } else {
        fmt::print("plan {}: {} served again\n", plan, count_text(report->restored, "path"));
    }
}

void restore_paths(
    const RestoreFlags& flags,
    db::Connection& connection,
    const std::vector<std::string>& texts,
    Restored& restored
) {
    if (texts.empty()) return;
    const auto cache = find_cache(connection, flags.cache);
    std::vector<HashPart> paths;
    paths.reserve(texts.size());
    for (const auto& text : texts) paths.push_back(parse_path(text, cache.store_dir));
    const auto report = service::restore_paths(connection, cache.id, paths, caller_name());
    if (!report) throw Failure(report.error().message);
    restored.paths = report->restored;
    if (flags.json) return;
    if (report->served_already) {
        fmt::print("nothing of that is hidden\n");
    } else {
        fmt::print("{} served again, with what they need\n", count_text(report->restored, "path"));
    }
}

int restore(const RestoreFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    db::Connection connection(database.uri, db::Session::publishing);
    Restored restored;
    std::vector<std::string> paths;
    for (const auto& text : flags.what) {
        if (const auto plan = parse_plan(text)) {
            restore_plan(flags, database.uri, connection, *plan, restored);
        } else {
            paths.push_back(text);
        }
    }
    restore_paths(flags, connection, paths, restored);
    if (flags.json) {
        const nlohmann::json out = {{"plans", restored.plans}, {"paths", restored.paths}};
        fmt::print("{}\n", out.dump());
    }
    return 0;
}

}  // namespace

void add_gc_restore(Command gc, Action& action) {
    const auto command = gc.add_subcommand(
        "restore", "serve again what is hidden: a plan, or paths with all that they need"
    );
    auto flags = std::make_shared<RestoreFlags>();
    add_gc_flags(command, *flags);
    command.add_option("ID|PATH", flags->what, "plans; or store paths, HASH-NAME or HASH")
        .required();
    command.callback([&action, flags] { action = [flags] { return restore(*flags); }; });
}

}  // namespace narthex::app
