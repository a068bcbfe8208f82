#include "stats_unused.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/byte_text.hpp"
#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/db/stats.hpp"
#include "narthex/db/tags.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

struct StatsFlags {
    std::string cache;  // empty: all
    int top = 10;
    int days = 30;
    int unused = 0;  // days; 0: not asked for
    bool list = false;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

struct Stats {
    Cache cache;
    db::CacheStats totals;
    std::vector<db::CompressionStats> compressions;
    std::vector<db::TagCount> tags;
    std::vector<db::NotablePath> largest;
    std::vector<db::NotablePath> newest;
    std::vector<db::RequestedPath> requested;
};

// Each in one snapshot.
Stats read(const StatsFlags& flags, Cache cache, db::Connection& connection) {
    Stats stats{std::move(cache), {}, {}, {}, {}, {}, {}};
    const int id = stats.cache.id;
    connection.read([&](db::Tx& tx) {
        stats.totals = db::cache_stats(tx, id);
        stats.compressions = db::compression_stats(tx, id);
        stats.tags = db::count_tags(tx, id);
        stats.largest = db::largest_paths(tx, id, flags.top);
        stats.newest = db::newest_paths(tx, id, flags.top);
        stats.requested = db::requested_paths(tx, id, flags.days, flags.top);
    });
    return stats;
}

nlohmann::json to_json(const Cache& cache, const std::vector<db::NotablePath>& paths) {
    auto out = nlohmann::json::array();
    for (const auto& path : paths) {
        out.push_back(
            {{"path", StorePath{cache.store_dir, path.base}.to_string()},
             {"nar_size", path.nar_size},
             {"first_seen", path.first_seen}}
        );
    }
    return out;
}

nlohmann::json to_json(const Cache& cache, const std::vector<db::RequestedPath>& paths) {
    auto out = nlohmann::json::array();
    for (const auto& path : paths) {
        out.push_back(
            {{"path", StorePath{cache.store_dir, path.base}.to_string()},
             {"served", path.served},
             {"hidden", path.hidden}}
        );
    }
    return out;
}

nlohmann::json to_json(const std::optional<std::string>& text) {
    return text ? nlohmann::json(*text) : nlohmann::json();
}

nlohmann::json to_json(const Stats& stats) {
    auto compressions = nlohmann::json::array();
    for (const auto& each : stats.compressions) {
        compressions.push_back(
            {{"compression", each.compression},
             {"nars", each.nars},
             {"file_bytes", each.file_bytes},
             {"stored", each.stored}}
        );
    }
    auto tags = nlohmann::json::array();
    for (const auto& [tag, paths] : stats.tags) {
        tags.push_back({{"key", tag.key}, {"value", tag.value}, {"paths", paths}});
    }
    const auto& totals = stats.totals;
    return {
        {"cache", stats.cache.name},
        {"narinfos", totals.narinfos},
        {"hidden", totals.hidden},
        {"nar_bytes", totals.nar_bytes},
        {"text_bytes", totals.text_bytes},
        {"first", to_json(totals.first)},
        {"last", to_json(totals.last)},
        {"compressions", compressions},
        {"tags", tags},
        {"largest", to_json(stats.cache, stats.largest)},
        {"newest", to_json(stats.cache, stats.newest)},
        {"requested", to_json(stats.cache, stats.requested)},
    };
}

void print_paths(const char* title, const Stats& stats, const std::vector<db::NotablePath>& paths) {
    if (paths.empty()) return;
    fmt::print("{}\n", title);
    for (const auto& path : paths) {
        fmt::print(
            "  {:>10}  {}  {}\n",
            byte_text(path.nar_size),
            path.first_seen,
            StorePath{stats.cache.store_dir, path.base}.to_string()
        );
    }
}

void print_requested(const Stats& stats, int days) {
    if (stats.requested.empty()) return;
    fmt::print("most asked for, in the last {} days\n", days);
    for (const auto& path : stats.requested) {
        fmt::print(
            "  {:>10}  {}", path.served, StorePath{stats.cache.store_dir, path.base}.to_string()
        );
        if (path.hidden > 0) fmt::print("  and {} times while it was hidden", path.hidden);
        fmt::print("\n");
    }
}

void print(const Stats& stats, int days) {
    const auto& totals = stats.totals;
    fmt::print("cache            {}\n", stats.cache.name);
    fmt::print("narinfos         {}", totals.narinfos);
    if (totals.hidden > 0) fmt::print(" ({} of them hidden)", totals.hidden);
    fmt::print(", {} of text\n", byte_text(totals.text_bytes));
    fmt::print("NARs, unpacked   {}\n", byte_text(totals.nar_bytes));
    if (totals.first) fmt::print("came             {} to {}\n", *totals.first, *totals.last);
    for (const auto& each : stats.compressions) {
        fmt::print(
            "{:<15}  {} NARs, {}; {} stored here\n",
            each.compression,
            each.nars,
            byte_text(each.file_bytes),
            each.stored
        );
    }
    for (const auto& [tag, paths] : stats.tags) {
        fmt::print("tag              {}={}: {} paths\n", tag.key, tag.value, paths);
    }
    print_paths("largest", stats, stats.largest);
    print_paths("newest", stats, stats.newest);
    print_requested(stats, days);
}

int stats_command(const StatsFlags& flags) {
    const auto loaded = load(*flags.settings);
    const auto database = open_database(loaded.config);
    db::Connection connection(database.uri, db::Session::work);
    if (flags.unused > 0) {
        const UnusedFlags unused{flags.unused, flags.list, flags.json};
        return print_unused(find_caches(connection, flags.cache), unused, connection);
    }
    auto out = nlohmann::json::array();
    bool first = true;
    for (auto& cache : find_caches(connection, flags.cache)) {
        const auto stats = read(flags, std::move(cache), connection);
        if (flags.json) {
            out.push_back(to_json(stats));
        } else {
            if (!first) fmt::print("\n");
            print(stats, flags.days);
        }
        first = false;
    }
    if (flags.json) fmt::print("{}\n", out.dump());
    return 0;
}

}  // namespace

void add_stats(Command app, Action& action) {
    const auto command =
        app.add_subcommand("stats", "what is in the caches, and what of it is asked for");
    auto flags = std::make_shared<StatsFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("--cache", flags->cache, "only this cache [all]").type_name("NAME");
    command.add_option("--top", flags->top, "how many of the largest, newest, most asked for [10]")
        .type_name("N")
        .between(0, 10'000);
    command.add_option("--days", flags->days, "most asked for in so many days [30]")
        .type_name("D")
        .between(1, 36'500);
    command.add_option("--unused", flags->unused, "only what nobody asked for in so many days")
        .type_name("D")
        .between(1, 36'500);
    command.add_flag("--list", flags->list, "with --unused: the paths, one a line")
        .needs("--unused");
    command.add_flag(
        "--json",
        flags->json,
        "print JSON: an array, an object for each cache; with --list an object a line"
    );
    command.callback([&action, flags] { action = [flags] { return stats_command(*flags); }; });
}

}  // namespace narthex::app
