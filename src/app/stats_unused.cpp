#include "stats_unused.hpp"

#include "narthex/app/byte_text.hpp"
#include "narthex/app/database.hpp"
#include "narthex/db/stats.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace narthex::app {

namespace {

constexpr int k_page = 1000;

std::string path_of(const Cache& cache, const db::NotablePath& path) {
    return StorePath{cache.store_dir, path.base}.to_string();
}

// One a line, as they come.
void list(const Cache& cache, int days, bool json, db::Connection& connection) {
    std::optional<HashPart> after;
    std::vector<db::NotablePath> page;
    do {
        connection.read([&](db::Tx& tx) {
            page = db::unused_paths(tx, cache.id, days, after, k_page);
        });
        for (const auto& path : page) {
            if (json) {
                const nlohmann::json line{
                    {"cache", cache.name},
                    {"path", path_of(cache, path)},
                    {"nar_size", path.nar_size},
                    {"first_seen", path.first_seen}};
                fmt::print("{}\n", line.dump());
            } else {
                fmt::print("{}\n", path_of(cache, path));
            }
        }
        if (!page.empty()) after = page.back().base.hash;
    } while (page.size() == k_page);
}

void print(const Cache& cache, int days, const db::UnusedStats& unused) {
    fmt::print(
        "{}: {} paths weren't asked for in the last {} days, {} of NARs, unpacked\n",
        cache.name,
        unused.paths,
        days,
        byte_text(unused.nar_bytes)
    );
    fmt::print(
        "{}\n",
        unused.counted_since ? "requests have been counted since " + *unused.counted_since
                             : "no requests have been counted yet"
    );
}

nlohmann::json to_json(const Cache& cache, int days, const db::UnusedStats& unused) {
    return {
        {"cache", cache.name},
        {"days", days},
        {"paths", unused.paths},
        {"nar_bytes", unused.nar_bytes},
        {"counted_since",
         unused.counted_since ? nlohmann::json(*unused.counted_since) : nlohmann::json()}};
}

}  // namespace

int print_unused(
    const std::vector<Cache>& caches, const UnusedFlags& flags, db::Connection& connection
) {
    auto out = nlohmann::json::array();
    for (const auto& cache : caches) {
        if (flags.list) {
            list(cache, flags.days, flags.json, connection);
            continue;
        }
        db::UnusedStats unused{};
        connection.read([&](db::Tx& tx) { unused = db::unused_stats(tx, cache.id, flags.days); });
        if (flags.json) {
            out.push_back(to_json(cache, flags.days, unused));
        } else {
            print(cache, flags.days, unused);
        }
    }
    if (flags.json && !flags.list) fmt::print("{}\n", out.dump());
    return 0;
}

}  // namespace narthex::app
