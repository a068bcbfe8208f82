#include "narthex/app/arguments.hpp"
#include "narthex/app/byte_text.hpp"
#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/db/plans.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

struct ClosureFlags {
    std::string cache{k_default_cache};
    std::string path;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

void print_json(const std::string& path, const db::ClosureSizes& sizes) {
    const nlohmann::ordered_json out = {
        {"store_path", path},
        {"paths", sizes.paths},
        {"missing", sizes.missing},
        {"nar_size", sizes.nar_size},
        {"file_size", sizes.file_size}};
    fmt::print("{}\n", out.dump());
}

void print_text(const std::string& path, const db::ClosureSizes& sizes) {
    fmt::print(
        "{}\n  {} paths, {} unpacked, {} in files\n",
        path,
        sizes.paths,
        byte_text(sizes.nar_size),
        byte_text(sizes.file_size)
    );
    if (sizes.missing > 0) fmt::print("  {} of them aren't in the cache\n", sizes.missing);
}

int closure_command(const ClosureFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    // The plans of lookups: a closure is a walk along the graph's index.
    db::Connection connection(database.uri, db::Session::publishing);
    const auto cache = find_cache(connection, flags.cache);
    const auto hash = parse_path(flags.path, cache.store_dir);
    db::ClosureSizes sizes{};
    std::optional<db::Fate> fate;
    connection.read([&](db::Tx& tx) {
        sizes = db::closure_sizes(tx, cache.id, hash);
        fate = db::find_fate(tx, cache.id, hash);
    });
    if (!fate || !fate->name) {
        throw Failure(fmt::format("cache {} doesn't have {}", cache.name, flags.path));
    }
    const auto path = StorePath{cache.store_dir, {hash, *fate->name}}.to_string();
    (flags.json ? print_json : print_text)(path, sizes);
    return 0;
}

}  // namespace

void add_closure(Command app, Action& action) {
    const auto command = app.add_subcommand("closure", "how much a path needs, itself included");
    auto flags = std::make_shared<ClosureFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("PATH", flags->path, "store path, HASH-NAME or HASH").required();
    command.add_option("--cache", flags->cache, "the cache [default]").type_name("NAME");
    command.add_flag("--json", flags->json, "print JSON");
    command.callback([&action, flags] { action = [flags] { return closure_command(*flags); }; });
}

}  // namespace narthex::app
