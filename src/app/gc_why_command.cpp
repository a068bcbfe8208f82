#include "gc_commands.hpp"
#include "keep_flags.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/caller.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/progress.hpp"
#include "narthex/db/plans.hpp"
#include "narthex/service/time_text.hpp"
#include "narthex/service/why.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

using service::time_text;

struct WhyFlags {
    std::string cache{k_default_cache};
    std::string path;
    service::KeepPolicy keep;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

struct Answer {
    std::string path;
    std::string state;
    std::optional<db::Fate> fate;  // absent: nobody has named the path
    std::optional<service::Keeper> keeper;
    std::vector<std::string> chain;  // store paths
};

std::string path_text(
    const Cache& cache, const HashPart& hash, const std::optional<std::string>& name
) {
    if (!name) return cache.store_dir + "/" + hash.to_string();
    return StorePath{cache.store_dir, {hash, *name}}.to_string();
}

// What is known of a path, whether or not anything keeps it.
std::string state_of(const std::optional<db::Fate>& fate, bool live) {
    if (!fate) return "unknown";
    if (fate->hidden) return "hidden";
    if (!fate->name) return fate->purged_at ? "purged" : "missing";
    if (live) return "live";
    return fate->plan && fate->plan->state == "planned" ? "planned" : "candidate";
}

std::optional<service::Reason> find_reason(
    const std::string& database, const WhyFlags& flags, const Cache& cache, int path
) {
    Progress progress;
    service::WhyOptions options{cache.id, flags.keep, current_time(), {}, &interrupted()};
    options.progress = [&](std::string_view phase, std::uint64_t paths) {
        progress.show({phase, paths, 0, std::nullopt});
    };
    try {
        return service::why_live(database, options, path);
    } catch (const db::Stopped&) {
        progress.clear();
        throw Failure("interrupted");
    }
}

Answer explain(const std::string& database, const WhyFlags& flags) {
    db::Connection connection(database, db::Session::publishing);
    const auto cache = find_cache(connection, flags.cache);
    const auto hash = parse_path(flags.path, cache.store_dir);
    Answer answer;
    connection.read([&](db::Tx& tx) { answer.fate = db::find_fate(tx, cache.id, hash); });
    const auto& fate = answer.fate;
    answer.path = path_text(
        cache,
        hash,
        fate && fate->name ? fate->name
        : fate             ? fate->purged_name
                           : std::nullopt
    );
    if (fate) {
        if (const auto reason = find_reason(database, flags, cache, fate->id)) {
            answer.keeper = reason->keeper;
            connection.read([&](db::Tx& tx) {
                for (const auto& each : db::list_path_names(tx, reason->chain)) {
                    answer.chain.push_back(path_text(cache, each.hash, each.name));
                }
            });
        }
    }
    answer.state = state_of(fate, answer.keeper.has_value());
    return answer;
}

void print_json(const Answer& answer) {
    nlohmann::ordered_json out = {
        {"store_path", answer.path}, {"live", answer.keeper.has_value()}, {"state", answer.state}};
    out["kept_by"] = nullptr;
    if (answer.keeper) {
        out["kept_by"] = {{answer.keeper->is_root ? "root" : "policy", answer.keeper->name}};
    }
    out["chain"] = answer.chain;
    out["plan"] = nullptr;
    const auto& fate = answer.fate;
    if (fate && fate->plan) {
        out["plan"] = fate->plan->id;
        out["reason"] = fate->plan->released ? "released" : "unreachable";
    }
    if (fate && fate->hidden && fate->plan && fate->plan->hidden_at) {
        out["hidden_at"] = time_text(*fate->plan->hidden_at);
    }
    if (fate && fate->purged_at) out["purged_at"] = time_text(*fate->purged_at);
    fmt::print("{}\n", out.dump());
}

void print_keeper(const Answer& answer) {
    fmt::print(
        "  kept by {} {}\n", answer.keeper->is_root ? "root" : "policy", answer.keeper->name
    );
    std::size_t depth = 0;
    for (const auto& each : answer.chain) fmt::print("  {:{}}{}\n", "", 2 * depth++, each);
}

void print_fate(const db::Fate& fate) {
    if (fate.plan) {
        fmt::print(
            "  in plan {} ({}), since {}\n",
            fate.plan->id,
            fate.plan->state,
            fate.plan->released ? "only released roots lead to it" : "no root leads to it"
        );
    }
    if (fate.hidden && fate.plan && fate.plan->hidden_at) {
        fmt::print("  hidden since {}\n", time_text(*fate.plan->hidden_at));
    }
    if (fate.purged_at) fmt::print("  purged {}\n", time_text(*fate.purged_at));
}

std::string_view meaning(std::string_view state) {
    if (state == "unknown") return "nobody has named this path";
    if (state == "missing") return "only named as a reference; the cache has no narinfo";
    if (state == "candidate") return "nothing keeps it; the next plan will have it";
    if (state == "planned") return "nothing keeps it";
    return state;
}

void print_text(const Answer& answer) {
    fmt::print("{}: {}\n", answer.path, meaning(answer.state));
    if (answer.keeper) print_keeper(answer);
    if (answer.fate) print_fate(*answer.fate);
}

int why_command(const WhyFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    const auto answer = explain(database.uri, flags);
    (flags.json ? print_json : print_text)(answer);
    return answer.fate ? 0 : 1;
}

}  // namespace

void add_gc_why(Command gc, Action& action) {
    const auto command = gc.add_subcommand(
        "why", "what keeps a path: the shortest chain from a root or policy; or which plan has it"
    );
    auto flags = std::make_shared<WhyFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("PATH", flags->path, "store path, HASH-NAME or HASH").required();
    command.add_option("--cache", flags->cache, "the cache [default]").type_name("NAME");
    add_keep_flags(command, flags->keep);
    command.add_flag("--json", flags->json, "print JSON");
    command.callback([&action, flags] { action = [flags] { return why_command(*flags); }; });
}

}  // namespace narthex::app
