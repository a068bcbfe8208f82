#include "narthex/app/arguments.hpp"
#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/db/tags.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

// A statement's worth: what is in memory at once.
constexpr int k_page = 1000;

struct PathFlags {
    std::string cache{k_default_cache};
    std::string tag;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

void print(const PathFlags& flags, const Cache& cache, const db::ListedPath& path) {
    const auto text = cache.store_dir + "/" + path.base.to_string();
    if (!flags.json) {
        fmt::print("{}\n", text);
        return;
    }
    const nlohmann::json out = {
        {"path", text},
        {"nar_hash", path.nar_hash.to_sri()},
        {"nar_size", path.nar_size},
        {"first_seen", path.first_seen},
    };
    fmt::print("{}\n", out.dump());
}

int list_paths(const PathFlags& flags) {
    const auto tag = parse_tags({flags.tag}).front();
    const auto database = open_database(load(*flags.settings).config);
    // The plans of lookups: a page is a walk along an index.
    db::Connection connection(database.uri, db::Session::publishing);
    const auto cache = find_cache(connection, flags.cache);
    std::vector<db::ListedPath> page;
    do {
        const auto after = page.empty() ? std::nullopt : std::optional(page.back().base.hash);
        connection.read([&](db::Tx& tx) {
            page = db::list_tagged(tx, cache.id, tag, after, k_page);
        });
        for (const auto& path : page) print(flags, cache, path);
    } while (page.size() == k_page && !interrupted());
    return interrupted() ? 1 : 0;
}

}  // namespace

void add_path(Command app, Action& action) {
    const auto path = app.add_subcommand("path", "the paths of a cache");
    path.require_subcommand();
    const auto command =
        path.add_subcommand("list", "those with a tag, hidden ones too, one a line");
    auto flags = std::make_shared<PathFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("--cache", flags->cache, "the cache [default]").type_name("NAME");
    command.add_option("--tag", flags->tag, "the tag that they have")
        .type_name("KEY=VALUE")
        .required();
    command.add_flag("--json", flags->json, "print a JSON object a line");
    command.callback([&action, flags] { action = [flags] { return list_paths(*flags); }; });
}

}  // namespace narthex::app
