#include "cache_commands.hpp"
#include "exclusive.hpp"
#include "keep_flags.hpp"
#include "root_texts.hpp"

#include "narthex/app/caller.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/time_text.hpp"
#include "narthex/core/narinfo.hpp"
#include "narthex/db/audit.hpp"
#include "narthex/db/uploads.hpp"
#include "narthex/http/root_json.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>

namespace narthex::app {

namespace {

// A statement's worth: what is in memory at once.
constexpr std::size_t k_page = 10'000;

// --- add ---

struct AddFlags : CacheFlags {
    std::string path;
    std::string list;
    std::string pattern;
    std::string name;
    std::string expires = "never";
    NoteFlags note;
    std::string owner;
    bool never_delete = false;
    bool replace = false;
    bool force_never_delete = false;
};

// "nixos-24.05" of "lists/nixos-24.05.xz".
std::string default_name(const AddFlags& flags) {
    if (flags.list.empty() || flags.list == "-") {
        throw UsageError("--name NAME is needed: what the root is called from now on");
    }
    const std::filesystem::path file(flags.list);
    constexpr std::array<std::string_view, 3> k_endings{".xz", ".gz", ".zst"};
    const bool compressed = std::ranges::find(k_endings, file.extension()) != k_endings.end();
    return (compressed ? file.stem() : file.filename()).string();
}

// A full store path, HASH-NAME, or the hash part of a path that the cache has.
BaseName find_base_name(const std::string& text, const Cache& cache, db::Connection& connection) {
    const auto key = PathKey{cache.id, parse_path(text, cache.store_dir)};
    const auto name = BaseName::parse(std::string_view(text).substr(text.rfind('/') + 1));
    if (name) return *name;
    std::optional<db::NarinfoInPlace> found;
    connection.read([&](db::Tx& tx) { found = db::find_stored_narinfo(tx, key); });
    if (!found) {
        throw Failure(fmt::format(
            "cache {} has no path {}: write HASH-NAME for one that is still to come",
            cache.name,
            text
        ));
    }
    return Narinfo::parse(found->text).value().store_path().base;
}

void set_contents(
    service::RootRequest& request,
    const AddFlags& flags,
    const Cache& cache,
    db::Connection& connection
) {
    if (!flags.path.empty()) {
        request.kind = RootKind::pin;
        request.paths = {find_base_name(flags.path, cache, connection)};
    } else if (!flags.pattern.empty()) {
        request.kind = RootKind::pattern;
        request.pattern = flags.pattern;
    } else {
        request.kind = RootKind::list;
        request.paths = read_list(flags.list, cache);
    }
}

int add(const AddFlags& flags, db::Connection& connection, const Cache& cache) {
    const int ways = static_cast<int>(!flags.path.empty()) + static_cast<int>(!flags.list.empty()) +
                     static_cast<int>(!flags.pattern.empty());
    if (ways != 1) throw UsageError("one of PATH, --list FILE and --pattern GLOB is needed");
    const auto author = service::Author{caller_name(), current_time()};
    const auto expiry = parse_expiry(flags.expires, author.now);
    if (!expiry) throw UsageError("--expires: " + expiry.error().message);
    service::RootRequest request;
    request.name = flags.name.empty() ? default_name(flags) : flags.name;
    require_root_name(request.name);
    request.expires_at = *expiry;
    request.never_delete = flags.never_delete;
    request.owner = checked_note("--owner", flags.owner);
    request.reason = flags.note.reason();
    request.replace = flags.replace;
    request.force_never_delete = flags.force_never_delete;
    set_contents(request, flags, cache, connection);
    const auto added = value_of(service::add_root(connection, cache, request, author));
    if (flags.json) {
        fmt::print("{}\n", http::added_root_json(request.name, added, cache).dump());
    } else {
        print_added(request.name, added, cache);
    }
    return 0;
}

// --- list ---

struct ListFlags : CacheFlags {
    bool all = false;
};

int list(const ListFlags& flags, db::Connection& connection, const Cache& cache) {
    std::vector<service::JudgedRoot> roots;
    connection.read([&](db::Tx& tx) {
        roots = service::judge_roots(tx, cache.id, current_time());
        if (!flags.all) std::erase_if(roots, [](const auto& root) { return !root.lives; });
        service::count_missing(tx, roots);
    });
    auto out = nlohmann::json::array();
    if (!flags.json) print_root_header();
    for (const auto& root : roots) {
        if (flags.json) {
            out.push_back(http::root_json(root));
        } else {
            print_root_row(root);
        }
    }
    if (flags.json) fmt::print("{}\n", out.dump());
    return 0;
}

// --- show ---

struct ShowFlags : CacheFlags {
    std::string name;
    bool paths = false;
    bool exclusive = false;
    service::KeepPolicy keep;
};

service::JudgedRoot find_root(db::Tx& tx, const Cache& cache, const std::string& name) {
    auto roots = service::judge_roots(tx, cache.id, current_time());
    const auto at =
        std::ranges::find_if(roots, [&](const auto& root) { return root.root.name == name; });
    if (at != roots.end()) return std::move(*at);
    throw Failure(fmt::format("there is no root {}; 'narthex root list --all' shows all", name));
}

// Calls `each` with one page of the root's paths after the other.
template <class Each>
void for_each_page(db::Connection& connection, const db::Root& root, const Each& each) {
    for (std::size_t from = 0; from < root.paths && !interrupted(); from += k_page) {
        std::vector<db::RootPath> page;
        connection.read([&](db::Tx& tx) { page = db::list_root_paths(tx, root.id, from, k_page); });
        for (const auto& path : page) each(path);
    }
}

std::optional<service::Tally> exclusive_of(const ShowFlags& flags, const Cache& cache) {
    if (!flags.exclusive) return std::nullopt;
    const auto database = open_database(load(*flags.settings).config);
    return count_exclusive(database.uri, cache, flags.keep, flags.name);
}

int show(const ShowFlags& flags, db::Connection& connection, const Cache& cache) {
    std::optional<service::JudgedRoot> root;
    connection.read([&](db::Tx& tx) {
        root = find_root(tx, cache, flags.name);
        service::count_missing(tx, std::span(&*root, 1));
    });
    const auto exclusive = exclusive_of(flags, cache);
    if (!flags.json) {
        print_root(*root);
        if (exclusive) fmt::print("it alone keeps {}\n", tally_text(*exclusive));
        if (flags.paths) {
            for_each_page(connection, root->root, [&](const auto& path) {
                print_path(path, cache);
            });
        }
        return interrupted() ? 1 : 0;
    }
    auto out = http::root_json(*root);
    if (exclusive) {
        out["exclusive"] = {{"paths", exclusive->paths}, {"nar_size", exclusive->nar_size}};
    }
    if (flags.paths) {
        auto& paths = out["path_list"] = nlohmann::json::array();
        for_each_page(connection, root->root, [&](const auto& path) {
            paths.push_back(http::root_path_json(path, cache));
        });
    }
    fmt::print("{}\n", out.dump());
    return interrupted() ? 1 : 0;
}

// --- remove ---

struct RemoveFlags : CacheFlags {
    std::vector<std::string> names;
    NoteFlags note;
    bool force_never_delete = false;
};

int remove(const RemoveFlags& flags, db::Connection& connection, const Cache& cache) {
    auto names = flags.names;
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    const auto removed = value_of(service::remove_roots(
        connection,
        cache.id,
        names,
        flags.force_never_delete,
        flags.note.reason(),
        {caller_name(), current_time()}
    ));
    auto out = nlohmann::json::array();
    for (const auto& root : removed) {
        out.push_back({{"root", root.name}, {"paths", root.paths}});
        if (flags.json) continue;
        fmt::print(
            "removed root {} ({} path{})\n", root.name, root.paths, root.paths == 1 ? "" : "s"
        );
    }
    if (flags.json) fmt::print("{}\n", nlohmann::json{{"removed", out}}.dump());
    return 0;
}

// --- log ---

struct LogFlags : CacheFlags {
    std::string since = "1970-01-01";
    int most = 1000;
};

std::int64_t parse_since(const std::string& text) {
    if (const auto span = service::parse_span(text)) return current_time() - *span;
    const auto time = service::parse_time(text);
    if (time) return *time;
    throw UsageError(
        "--since: a number of days (30d) or hours (12h), or a date (2027-01-31) is wanted"
    );
}

int log(const LogFlags& flags, db::Connection& connection, const Cache& cache) {
    const auto since = parse_since(flags.since);
    std::vector<db::AuditRow> rows;
    connection.read([&](db::Tx& tx) {
        rows = db::list_audit(tx, cache.id, since, std::nullopt, flags.most);
    });
    auto out = nlohmann::json::array();
    for (const auto& row : rows) {
        if (!flags.json) print_audit(row);
        if (flags.json) out.push_back(http::audit_json(row));
    }
    if (flags.json) fmt::print("{}\n", out.dump());
    return 0;
}

// --- the command line ---

void add_add(Command root, Action& action) {
    const auto [command, flags] = add_cache_command(
        root, action, "add", "keep a path, a list of paths, or what has such a name", add
    );
    command.add_option("PATH", flags->path, "a store path, HASH-NAME, or HASH of one that is here");
    command
        .add_option(
            "--list", flags->list, "store paths, one a line, plain or as .xz, .gz, .zst; '-': stdin"
        )
        .type_name("FILE");
    command.add_option("--pattern", flags->pattern, "whatever has such a name: *, ?, [a-z], [!a-z]")
        .type_name("GLOB");
    command
        .add_option("--name", flags->name, "what the root is called [of a list: its file's name]")
        .type_name("NAME");
    command
        .add_option("--expires", flags->expires, "90d, 12h, 2027-01-31 (from 00:00 UTC on) [never]")
        .type_name("WHEN");
    add_note(command, flags->note);
    command.add_option("--owner", flags->owner, "whose it is, for people").type_name("WHO");
    command.add_flag("--never-delete", flags->never_delete, "it goes by force only");
    command.add_flag("--replace", flags->replace, "also where the name stands for something else");
    command.add_flag(
        "--force-never-delete", flags->force_never_delete, "replace what is never to be deleted"
    );
}

void add_show(Command root, Action& action) {
    const auto [command, flags] = add_cache_command(root, action, "show", "one root", show);
    command.add_option("NAME", flags->name, "the root").required();
    command.add_flag("--paths", flags->paths, "all its paths");
    command.add_flag(
        "--exclusive", flags->exclusive, "and what it alone keeps: no other root, no policy"
    );
    add_keep_flags(command, flags->keep);
}

void add_remove(Command root, Action& action) {
    const auto [command, flags] = add_cache_command(
        root, action, "remove", "keep it no longer; nothing is deleted by that", remove
    );
    command.add_option("NAME", flags->names, "the roots").required();
    add_note(command, flags->note);
    command.add_flag(
        "--force-never-delete", flags->force_never_delete, "also what is never to be deleted"
    );
}

}  // namespace

void add_root(Command app, Action& action) {
    const auto root =
        app.add_subcommand("root", "what must live: pins, lists of paths, patterns of names");
    root.require_subcommand();
    add_add(root, action);
    const auto [list_command, list_flags] =
        add_cache_command(root, action, "list", "the roots that count", list);
    list_command.add_flag("--all", list_flags->all, "expired ones and released bumps, too");
    add_show(root, action);
    add_remove(root, action);
    const auto [log_command, log_flags] =
        add_cache_command(root, action, "log", "who changed what, the newest first", log);
    log_command.add_option("--since", log_flags->since, "30d, 12h or 2027-01-31 [ever]")
        .type_name("WHEN");
    log_command.add_option("--limit", log_flags->most, "at most so many [1000]")
        .type_name("N")
        .between(1, 1'000'000);
}

}  // namespace narthex::app
