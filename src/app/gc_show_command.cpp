#include "gc_commands.hpp"
#include "plan_text.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/byte_text.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/db/caches.hpp"
#include "narthex/db/plans.hpp"
#include "narthex/service/time_text.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

using service::time_text;

// A statement's worth: what is in memory at once.
constexpr int k_page = 1000;
constexpr int k_most_plans = 1000;
constexpr int k_shown = 50;  // paths, to people

struct ShowFlags {
    std::optional<int> plan;
    std::string cache{k_default_cache};
    bool json = false;
    bool tsv = false;
    std::shared_ptr<SettingFlags> settings;
};

nlohmann::ordered_json time_or_null(std::optional<std::int64_t> time) {
    if (!time) return nullptr;
    return time_text(*time);
}

template <class T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

nlohmann::ordered_json to_json(const db::Plan& plan, const std::string& cache) {
    return {
        {"plan", plan.id},
        {"cache", cache},
        {"state", plan.state},
        {"created_at", time_text(plan.created_at)},
        {"created_by", plan.created_by},
        {"engine", plan.engine},
        {"hidden_at", time_or_null(plan.hidden_at)},
        {"restored_at", time_or_null(plan.restored_at)},
        {"purged_at", time_or_null(plan.purged_at)},
        {"policy", nlohmann::ordered_json::parse(plan.policy)},
        {"summary", nlohmann::ordered_json::parse(plan.summary)}};
}

int list(const ShowFlags& flags, db::Connection& connection) {
    const auto cache = find_cache(connection, flags.cache);
    std::vector<db::Plan> plans;
    connection.read([&](db::Tx& tx) { plans = db::list_plans(tx, cache.id, k_most_plans); });
    auto out = nlohmann::ordered_json::array();
    for (const auto& plan : plans) {
        auto json = to_json(plan, cache.name);
        const auto& summary = json["summary"];
        if (!flags.json) {
            fmt::print(
                "{:>6}  {}  {:<8}  {:>10} paths  {:>10}{}\n",
                plan.id,
                time_text(plan.created_at),
                plan.state,
                summary.value("paths", std::uint64_t{0}),
                byte_text(summary.value("file_size", std::uint64_t{0})),
                summary.value("interlocks", nlohmann::ordered_json::array()).empty() ? ""
                                                                                     : "  REFUSED"
            );
        }
        out.push_back(std::move(json));
    }
    if (flags.json) fmt::print("{}\n", out.dump());
    if (!flags.json && plans.empty()) fmt::print("cache {} has no plans yet\n", cache.name);
    return 0;
}

std::string path_text(const db::PlanPath& path, const Cache& cache) {
    if (!path.name) return cache.store_dir + "/" + path.hash.to_string();
    return StorePath{cache.store_dir, {path.hash, *path.name}}.to_string();
}

const char* reason_of(const db::PlanPath& path) {
    return path.released ? "released" : "unreachable";
}

void print_json_path(const db::PlanPath& path, const Cache& cache, bool first) {
    const nlohmann::ordered_json out = {
        {"store_path", path_text(path, cache)},
        {"reason", reason_of(path)},
        {"nar_size", or_null(path.nar_size)},
        {"file_size", or_null(path.file_size)},
        {"first_seen", time_or_null(path.first_seen)},
        {"requested", path.requested}};
    fmt::print("{}{}", first ? "" : ",", out.dump());
}

template <class T>
std::string or_empty(const std::optional<T>& number) {
    return number ? std::to_string(*number) : "";
}

void print_tsv_path(const db::PlanPath& path, const Cache& cache) {
    fmt::print(
        "{}\t{}\t{}\t{}\t{}\t{}\n",
        path_text(path, cache),
        reason_of(path),
        or_empty(path.nar_size),
        or_empty(path.file_size),
        path.first_seen ? time_text(*path.first_seen) : "",
        path.requested
    );
}

void print_path(const db::PlanPath& path, const Cache& cache) {
    fmt::print(
        "  {:<11}  {:>10}  {}{}\n",
        reason_of(path),
        byte_text(path.nar_size.value_or(0)),
        path_text(path, cache),
        path.requested > 0 ? fmt::format("  (asked for {} times)", path.requested) : ""
    );
}

// Page by page, each in a transaction of its own: a plan's paths are written once.
template <class Print>
bool for_each_path(db::Connection& connection, const db::Plan& plan, Print print) {
    std::vector<db::PlanPath> page;
    do {
        const int after = page.empty() ? 0 : page.back().id;
        connection.read([&](db::Tx& tx) { page = db::list_plan_paths(tx, plan, after, k_page); });
        for (const auto& path : page) print(path);
    } while (page.size() == k_page && !interrupted());
    return !interrupted();
}

bool show_json(db::Connection& connection, const db::Plan& plan, const Cache& cache) {
    auto head = to_json(plan, cache.name).dump();
    head.pop_back();
    fmt::print("{},\"paths\":[", head);
    bool first = true;
    const bool all = for_each_path(connection, plan, [&](const db::PlanPath& path) {
        print_json_path(path, cache, first);
        first = false;
    });
    // What was cut short can't be read as a whole.
    if (all) fmt::print("]}}\n");
    return all;
}

bool show_tsv(db::Connection& connection, const db::Plan& plan, const Cache& cache) {
    fmt::print("store_path\treason\tnar_size\tfile_size\tfirst_seen\trequested\n");
    return for_each_path(connection, plan, [&](const db::PlanPath& path) {
        print_tsv_path(path, cache);
    });
}

bool show_text(db::Connection& connection, const db::Plan& plan, const Cache& cache) {
    fmt::print(
        "plan {} of cache {}, made {} by {}: {}\n",
        plan.id,
        cache.name,
        time_text(plan.created_at),
        plan.created_by,
        plan.state
    );
    print_summary(nlohmann::json::parse(plan.summary));
    std::vector<db::PlanPath> some;
    connection.read([&](db::Tx& tx) { some = db::list_plan_paths(tx, plan, 0, k_shown + 1); });
    if (!some.empty()) fmt::print("paths\n");
    const bool all = some.size() <= k_shown;
    if (!all) some.pop_back();
    for (const auto& path : some) print_path(path, cache);
    if (!all) fmt::print("  ... (--tsv and --json have all)\n");
    return true;
}

Cache cache_of(db::Connection& connection, const db::Plan& plan) {
    for (auto& each : find_caches(connection, "")) {
        if (each.id == plan.cache) return std::move(each);
    }
    throw Failure(fmt::format("plan {} is of a cache that is gone", plan.id));
}

int show(const ShowFlags& flags, db::Connection& connection) {
    std::optional<db::Plan> plan;
    connection.read([&](db::Tx& tx) { plan = db::find_plan(tx, *flags.plan); });
    if (!plan) {
        throw Failure(fmt::format("there is no plan {}; 'narthex gc show' lists all", *flags.plan));
    }
    const auto cache = cache_of(connection, *plan);
    const auto show_as = flags.json ? show_json : flags.tsv ? show_tsv : show_text;
    return show_as(connection, *plan, cache) ? 0 : 1;
}

int show_command(const ShowFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    // The plans of lookups: a page is a walk along an index.
    db::Connection connection(database.uri, db::Session::publishing);
    return flags.plan ? show(flags, connection) : list(flags, connection);
}

}  // namespace

void add_gc_show(Command gc, Action& action) {
    const auto command =
        gc.add_subcommand("show", "a plan with all its paths, or which plans there are");
    auto flags = std::make_shared<ShowFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("ID", flags->plan, "the plan [a list of plans]");
    command.add_option("--cache", flags->cache, "whose plans to list [default]").type_name("NAME");
    command.add_flag("--json", flags->json, "print JSON");
    command.add_flag("--tsv", flags->tsv, "the paths alone, a line each, tabs between columns")
        .excludes("--json");
    command.callback([&action, flags] { action = [flags] { return show_command(*flags); }; });
}

}  // namespace narthex::app
