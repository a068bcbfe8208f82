#include "narthex/app/arguments.hpp"
#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/db/narinfos.hpp"
#include "narthex/db/tags.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <set>

namespace narthex::app {

namespace {

constexpr std::size_t k_batch = 1000;

struct TagFlags {
    std::string cache{k_default_cache};
    std::string tag;
    std::vector<std::string> paths;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

int list(const TagFlags& flags, db::Connection& connection) {
    const auto cache = find_cache(connection, flags.cache);
    std::vector<db::TagCount> counts;
    connection.read([&](db::Tx& tx) { counts = db::count_tags(tx, cache.id); });
    auto out = nlohmann::json::array();
    for (const auto& [tag, paths] : counts) {
        if (!flags.json) fmt::print("{:>10}  {}\n", paths, tag.to_string());
        out.push_back({{"key", tag.key}, {"value", tag.value}, {"paths", paths}});
    }
    if (flags.json) fmt::print("{}\n", out.dump());
    return 0;
}

// Those of the command line; for '-', one a line of standard input.
std::vector<HashPart> read_paths(const TagFlags& flags, const Cache& cache) {
    std::set<HashPart> paths;
    for (const auto& text : flags.paths) {
        if (text != "-") {
            paths.insert(parse_path(text, cache.store_dir));
            continue;
        }
        for (std::string line; std::getline(std::cin, line);) {
            if (!line.empty()) paths.insert(parse_path(line, cache.store_dir));
        }
    }
    return {paths.begin(), paths.end()};
}

struct Change {
    std::size_t changed = 0;
    std::vector<HashPart> absent;  // paths that the cache doesn't have
};

using Apply = Change (*)(db::Tx&, int cache, std::span<const HashPart>, const Tag&);

Change add(db::Tx& tx, int cache, std::span<const HashPart> paths, const Tag& tag) {
    db::lock_publishing(tx);
    const auto known = db::find_known(tx, cache, paths);
    const std::set<HashPart> there(known.begin(), known.end());
    Change change;
    for (const auto& path : paths) {
        if (!there.contains(path)) change.absent.push_back(path);
    }
    change.changed = db::add_tags(tx, cache, known, {&tag, 1});
    return change;
}

Change remove(db::Tx& tx, int cache, std::span<const HashPart> paths, const Tag& tag) {
    return {db::remove_tag(tx, cache, paths, tag), {}};
}

Change apply_to_all(
    db::Connection& connection,
    const Cache& cache,
    std::span<const HashPart> paths,
    const Tag& tag,
    Apply apply
) {
    Change all;
    for (std::size_t from = 0; from < paths.size(); from += k_batch) {
        const auto batch = paths.subspan(from, std::min(k_batch, paths.size() - from));
        Change change;
        connection.write([&](db::Tx& tx) { change = apply(tx, cache.id, batch, tag); });
        all.changed += change.changed;
        all.absent.insert(all.absent.end(), change.absent.begin(), change.absent.end());
    }
    return all;
}

int change_tags(const TagFlags& flags, db::Connection& connection, Apply apply, const char* done) {
    const auto tag = parse_tags({flags.tag}).front();
    const auto cache = find_cache(connection, flags.cache);
    const auto paths = read_paths(flags, cache);
    const auto change = apply_to_all(connection, cache, paths, tag, apply);
    for (const auto& path : change.absent) {
        fmt::print(stderr, "{}: not in cache {}\n", path.to_string(), cache.name);
    }
    if (flags.json) {
        const nlohmann::json out = {
            {"paths", paths.size()}, {"changed", change.changed}, {"absent", change.absent.size()}};
        fmt::print("{}\n", out.dump());
    } else {
        fmt::print("{} {} {} of {} paths\n", tag.to_string(), done, change.changed, paths.size());
    }
    return change.absent.empty() ? 0 : 1;
}

int add_to_paths(const TagFlags& flags, db::Connection& connection) {
    return change_tags(flags, connection, add, "added to");
}

int remove_from_paths(const TagFlags& flags, db::Connection& connection) {
    return change_tags(flags, connection, remove, "removed from");
}

using Run = int (*)(const TagFlags&, db::Connection&);

std::pair<Command, std::shared_ptr<TagFlags>> add_command(
    Command tag, Action& action, const char* name, const char* help, Run run
) {
    const auto command = tag.add_subcommand(name, help);
    auto flags = std::make_shared<TagFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("--cache", flags->cache, "the cache [default]").type_name("NAME");
    command.add_flag("--json", flags->json, "print JSON");
    command.callback([&action, flags, run] {
        action = [flags, run] {
            const auto database = open_database(load(*flags->settings).config);
            // The plans of lookups: by key, whatever statistics say.
            db::Connection connection(database.uri, db::Session::publishing);
            return run(*flags, connection);
        };
    });
    return {command, flags};
}

void add_change(Command tag, Action& action, const char* name, const char* help, Run run) {
    const auto [command, flags] = add_command(tag, action, name, help, run);
    command.add_option("TAG", flags->tag, "KEY=VALUE").required();
    command
        .add_option(
            "PATH", flags->paths, "store paths, HASH-NAME or HASH; '-': standard input, one a line"
        )
        .required();
}

}  // namespace

void add_tag(Command app, Action& action) {
    const auto tag = app.add_subcommand("tag", "notes on paths: KEY=VALUE");
    tag.require_subcommand();
    add_command(tag, action, "list", "all tags, and how many paths have each", list);
    add_change(tag, action, "add", "give paths a tag", add_to_paths);
    add_change(tag, action, "remove", "take a tag from paths", remove_from_paths);
}

}  // namespace narthex::app
