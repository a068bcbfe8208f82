#include "cache_commands.hpp"
#include "root_texts.hpp"

#include "narthex/app/caller.hpp"
#include "narthex/app/time_text.hpp"
#include "narthex/http/root_json.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace narthex::app {

namespace {

service::Author author() {
    return {caller_name(), current_time()};
}

std::string age_text(const std::optional<std::int64_t>& seconds) {
    if (!seconds) return "any";
    constexpr std::int64_t k_hour = 3600;
    constexpr std::int64_t k_day = 24 * k_hour;
    return *seconds % k_day == 0 ? fmt::format("{}d", *seconds / k_day)
                                 : fmt::format("{}h", *seconds / k_hour);
}

std::string count_text(const std::optional<int>& count) {
    return count ? std::to_string(*count) : "";
}

// --- set ---

struct SetFlags : CacheFlags {
    std::string name;
    std::string status;
    std::optional<int> keep_last;
    std::string max_age;
    NoteFlags note;
};

RetentionRule rule_of(const SetFlags& flags) {
    const auto status = parse_channel_status(flags.status);
    if (!status) throw UsageError("--status: supported, rolling or end-of-life is wanted");
    RetentionRule rule{*status, flags.keep_last, {}};
    if (!flags.max_age.empty()) {
        const auto age = service::parse_span(flags.max_age);
        if (!age) throw UsageError("--max-age: " + age.error().message);
        rule.max_age = *age;
    }
    if (const auto good = check_rule(rule); !good) {
        throw UsageError(good.error().message + " (--keep-last N)");
    }
    return rule;
}

int set(const SetFlags& flags, db::Connection& connection, const Cache& cache) {
    const auto rule = rule_of(flags);
    const auto change = value_of(
        service::set_channel(connection, cache.id, flags.name, rule, flags.note.reason(), author())
    );
    if (flags.json) {
        const nlohmann::json out = {
            {"channel", flags.name}, {"made", change.made}, {"restored", change.rescued}};
        fmt::print("{}\n", out.dump());
        return 0;
    }
    fmt::print("{} channel {}: {}\n", change.made ? "made" : "set", flags.name, flags.status);
    if (change.rescued > 0) fmt::print("{} hidden paths are served again\n", change.rescued);
    return 0;
}

// --- list, show ---

struct Channels {
    std::vector<db::Channel> channels;
    std::vector<service::JudgedRoot> roots;

    [[nodiscard]] std::pair<std::size_t, std::size_t> bumps_and_kept(const db::Channel& channel
    ) const {
        std::size_t bumps = 0;
        std::size_t kept = 0;
        for (const auto& root : roots) {
            if (root.root.channel != channel.id) continue;
            ++bumps;
            if (root.lives) ++kept;
        }
        return {bumps, kept};
    }
};

Channels read_channels(db::Connection& connection, const Cache& cache) {
    Channels all;
    connection.read([&](db::Tx& tx) {
        all.roots = service::judge_roots(tx, cache.id, current_time());
        all.channels = db::list_channels(tx, cache.id);
    });
    return all;
}

int list(const CacheFlags& flags, db::Connection& connection, const Cache& cache) {
    constexpr const char* k_columns = "{:<32} {:<12} {:>9} {:>8} {:>6} {:>6}\n";
    const auto all = read_channels(connection, cache);
    auto out = nlohmann::json::array();
    if (!flags.json)
        fmt::print(k_columns, "NAME", "STATUS", "KEEP-LAST", "MAX-AGE", "BUMPS", "KEPT");
    for (const auto& channel : all.channels) {
        if (flags.json) {
            out.push_back(http::channel_json(channel, all.roots));
            continue;
        }
        const auto [bumps, kept] = all.bumps_and_kept(channel);
        fmt::print(
            k_columns,
            channel.name,
            to_string(channel.rule.status),
            count_text(channel.rule.keep_last),
            age_text(channel.rule.max_age),
            bumps,
            kept
        );
    }
    if (flags.json) fmt::print("{}\n", out.dump());
    return 0;
}

struct ShowFlags : CacheFlags {
    std::string name;
};

void print_bumps(const Channels& all, const db::Channel& channel) {
    constexpr const char* k_columns = "{:<21} {:<40} {:>8}  {}\n";
    auto bumps = all.roots;
    std::erase_if(bumps, [&](const auto& root) { return root.root.channel != channel.id; });
    std::ranges::sort(bumps, std::ranges::greater(), [](const auto& bump) {
        return std::pair(bump.root.bumped_at, bump.root.id);
    });
    fmt::print(k_columns, "BUMPED", "ROOT", "PATHS", "STATE");
    for (const auto& bump : bumps) {
        fmt::print(
            k_columns, time_text(*bump.root.bumped_at), bump.root.name, bump.root.paths, bump.why
        );
    }
}

int show(const ShowFlags& flags, db::Connection& connection, const Cache& cache) {
    const auto all = read_channels(connection, cache);
    const auto at = std::ranges::find(all.channels, flags.name, &db::Channel::name);
    if (at == all.channels.end()) {
        throw Failure(
            fmt::format("there is no channel {}; 'narthex channel list' shows all", flags.name)
        );
    }
    if (flags.json) {
        fmt::print("{}\n", http::channel_json(*at, all.roots).dump());
        return 0;
    }
    fmt::print("name       {}\n", at->name);
    fmt::print("status     {}\n", to_string(at->rule.status));
    if (at->rule.keep_last) fmt::print("keep last  {}\n", *at->rule.keep_last);
    fmt::print("max age    {}\n", age_text(at->rule.max_age));
    print_bumps(all, *at);
    return 0;
}

// --- bump ---

struct BumpFlags : CacheFlags {
    std::string channel;
    std::string list;
    std::string at;
    std::string name;
    NoteFlags note;
    bool replace = false;
};

int bump(const BumpFlags& flags, db::Connection& connection, const Cache& cache) {
    const auto by = author();
    service::RootRequest request;
    request.kind = RootKind::bump;
    request.channel = flags.channel;
    if (!flags.at.empty()) {
        const auto at = service::parse_time(flags.at);
        if (!at) throw UsageError("--at: " + at.error().message);
        request.bumped_at = *at;
    }
    constexpr std::size_t k_date = 10;
    const auto date = time_text(request.bumped_at.value_or(by.now)).substr(0, k_date);
    request.name = flags.name.empty() ? flags.channel + "@" + date : flags.name;
    require_root_name(request.name);
    request.reason = flags.note.reason();
    request.replace = flags.replace;
    request.paths = read_list(flags.list, cache);
    const auto added = value_of(service::add_root(connection, cache, request, by));
    if (flags.json) {
        fmt::print("{}\n", http::added_root_json(request.name, added, cache).dump());
    } else {
        print_added(request.name, added, cache);
    }
    return 0;
}

// --- remove ---

struct RemoveFlags : CacheFlags {
    std::string name;
    bool with_bumps = false;
    NoteFlags note;
};

int remove(const RemoveFlags& flags, db::Connection& connection, const Cache& cache) {
    const auto bumps = value_of(service::remove_channel(
        connection, cache.id, flags.name, flags.with_bumps, flags.note.reason(), author()
    ));
    if (flags.json) {
        fmt::print("{}\n", nlohmann::json{{"channel", flags.name}, {"bumps", bumps}}.dump());
    } else {
        fmt::print("removed channel {} and its {} bumps\n", flags.name, bumps);
    }
    return 0;
}

// --- the command line ---

void add_set(Command channel, Action& action) {
    const auto [command, flags] =
        add_cache_command(channel, action, "set", "make a channel, or change its rule", set);
    command.add_option("NAME", flags->name, "the channel").required();
    command
        .add_option(
            "--status",
            flags->status,
            "supported: keeps every bump; rolling: the last ones; end-of-life: the last one"
        )
        .type_name("STATUS")
        .required();
    command.add_option("--keep-last", flags->keep_last, "how many a rolling channel keeps")
        .type_name("N");
    command.add_option("--max-age", flags->max_age, "keep none that is older: 90d, 12h [any age]")
        .type_name("AGE");
    add_note(command, flags->note);
}

void add_bump(Command channel, Action& action) {
    const auto [command, flags] =
        add_cache_command(channel, action, "bump", "say what a channel has come to", bump);
    command.add_option("NAME", flags->channel, "the channel").required();
    command
        .add_option(
            "--list",
            flags->list,
            "its store paths, one a line, plain or as .xz, .gz, .zst; '-': stdin"
        )
        .type_name("FILE")
        .required();
    command.add_option("--at", flags->at, "when that was: 2027-01-31 or 2027-01-31T12:00:00Z [now]")
        .type_name("WHEN");
    command.add_option("--name", flags->name, "what the bump is called [CHANNEL@DATE]")
        .type_name("NAME");
    command.add_flag("--replace", flags->replace, "also where the name stands for something else");
    add_note(command, flags->note);
}

}  // namespace

void add_channel(Command app, Action& action) {
    const auto channel =
        app.add_subcommand("channel", "channels, and which of their bumps are kept");
    channel.require_subcommand();
    add_set(channel, action);
    add_cache_command(channel, action, "list", "all channels", list);
    add_bump(channel, action);
    const auto [show_command, show_flags] =
        add_cache_command(channel, action, "show", "a channel and its bumps", show);
    show_command.add_option("NAME", show_flags->name, "the channel").required();
    const auto [remove_command, remove_flags] =
        add_cache_command(channel, action, "remove", "forget a channel", remove);
    remove_command.add_option("NAME", remove_flags->name, "the channel").required();
    remove_command.add_flag("--with-bumps", remove_flags->with_bumps, "and its bumps");
    add_note(remove_command, remove_flags->note);
}

}  // namespace narthex::app
