#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/time_text.hpp"
#include "narthex/core/token.hpp"
#include "narthex/db/caches.hpp"
#include "narthex/db/tokens.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace narthex::app {

namespace {

struct TokenFlags {
    std::string name;
    std::vector<std::string> scopes;
    std::vector<std::string> caches;  // empty: all
    std::string expires = "90d";
    bool all = false;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};
using Flags = std::shared_ptr<TokenFlags>;
using Names = std::vector<std::string>;

// A token as it is shown.
struct Shown {
    std::string name;
    Names scopes;
    std::optional<Names> caches;  // absent: all
    std::optional<std::int64_t> expires_at;
};

std::int64_t now() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

std::string time_or(const std::optional<std::int64_t>& time, const char* absent) {
    return time ? time_text(*time) : absent;
}

nlohmann::json json_time(const std::optional<std::int64_t>& time) {
    return time ? nlohmann::json(time_text(*time)) : nlohmann::json();
}

nlohmann::json to_json(const Shown& token) {
    return {
        {"name", token.name},
        {"scopes", token.scopes},
        {"caches", token.caches ? nlohmann::json(*token.caches) : nlohmann::json()},
        {"expires_at", json_time(token.expires_at)},
    };
}

std::string cache_names(const Shown& token) {
    return token.caches ? fmt::format("{}", fmt::join(*token.caches, ",")) : "all";
}

Names names_of(const Scopes& scopes) {
    Names names;
    for (const auto scope : scopes.list()) names.emplace_back(to_string(scope));
    return names;
}

// --- create ---

Scopes scopes_of(const TokenFlags& flags) {
    Scopes scopes;
    for (const auto& name : flags.scopes) {
        const auto scope = parse_scope(name);
        if (!scope) throw UsageError(fmt::format("--scope: there is no scope {}", name));
        scopes.add(*scope);
    }
    return scopes;
}

std::optional<std::vector<int>> cache_ids(db::Tx& tx, const Names& names) {
    if (names.empty()) return std::nullopt;
    const auto caches = db::list_caches(tx);
    std::vector<int> ids;
    for (const auto& name : names) {
        const auto at = std::ranges::find(caches, name, &Cache::name);
        if (at == caches.end()) {
            throw Failure(fmt::format("there is no cache {}; 'narthex cache list' shows all", name)
            );
        }
        if (std::ranges::find(ids, at->id) == ids.end()) ids.push_back(at->id);
    }
    return ids;
}

// Tokens are random, so what is printed is the only copy.
void print_new(const TokenFlags& flags, const Shown& shown, const std::string& token) {
    if (flags.json) {
        auto out = to_json(shown);
        out["token"] = token;
        fmt::print("{}\n", out.dump());
        return;
    }
    fmt::print("name     {}\n", shown.name);
    fmt::print("scopes   {}\n", fmt::join(shown.scopes, ","));
    fmt::print("caches   {}\n", cache_names(shown));
    fmt::print("expires  {}\n", time_or(shown.expires_at, "never"));
    fmt::print("token    {}\n", token);
    fmt::print(
        "\nThe token is shown this once. For Nix, a line in the netrc file:\n"
        "machine HOST login {} password {}\n",
        shown.name,
        token
    );
}

int create(const TokenFlags& flags, db::Connection& connection) {
    if (!is_token_name(flags.name)) {
        throw UsageError(fmt::format(
            "\"{}\" can't be a token's name: at most 63 letters, digits and . _ @ -", flags.name
        ));
    }
    const auto scopes = scopes_of(flags);
    const auto expiry = parse_expiry(flags.expires, now());
    if (!expiry) throw UsageError("--expires: " + expiry.error().message);
    const auto token = generate_token();
    connection.write([&](db::Tx& tx) {
        const db::NewToken fresh{
            flags.name, *hash_token(token), scopes, cache_ids(tx, flags.caches), *expiry};
        if (db::insert_token(tx, fresh)) return;
        throw Failure(fmt::format(
            "there is a token {0} already; 'narthex token revoke {0}' ends it and frees the name",
            flags.name
        ));
    });
    std::optional<Names> caches;
    if (!flags.caches.empty()) caches = flags.caches;
    print_new(flags, {flags.name, names_of(scopes), caches, *expiry}, token);
    return 0;
}

// --- list ---

std::optional<Names> names_of(
    const std::optional<std::vector<int>>& ids, const std::vector<Cache>& caches
) {
    if (!ids) return std::nullopt;
    Names names;
    for (const auto id : *ids) {
        const auto at = std::ranges::find(caches, id, &Cache::id);
        names.push_back(at == caches.end() ? fmt::format("#{}", id) : at->name);
    }
    return names;
}

const char* state_of(const Token& token, std::int64_t at) {
    if (token.revoked_at) return "revoked";
    return token.expires_at && *token.expires_at <= at ? "expired" : "valid";
}

nlohmann::json to_json(const db::ListedToken& listed, const Shown& shown, std::int64_t at) {
    auto out = to_json(shown);
    out["created_at"] = json_time(listed.token.created_at);
    out["revoked_at"] = json_time(listed.token.revoked_at);
    out["last_used_at"] = json_time(listed.used_at);
    out["state"] = state_of(listed.token, at);
    return out;
}

constexpr const char* k_columns = "{:<20} {:<20} {:<20} {:<21} {:<21} {:<21} {}\n";

void print(const db::ListedToken& listed, const Shown& shown, std::int64_t at) {
    fmt::print(
        k_columns,
        shown.name,
        fmt::format("{}", fmt::join(shown.scopes, ",")),
        cache_names(shown),
        time_text(listed.token.created_at),
        time_or(shown.expires_at, "never"),
        time_or(listed.used_at, "never"),
        state_of(listed.token, at)
    );
}

int list(const TokenFlags& flags, db::Connection& connection) {
    std::vector<db::ListedToken> tokens;
    std::vector<Cache> caches;
    connection.read([&](db::Tx& tx) {
        tokens = db::list_tokens(tx);
        caches = db::list_caches(tx);
    });
    if (!flags.all) {
        std::erase_if(tokens, [](const auto& each) { return each.token.revoked_at.has_value(); });
    }
    const auto at = now();
    auto out = nlohmann::json::array();
    if (!flags.json) {
        fmt::print(k_columns, "NAME", "SCOPES", "CACHES", "CREATED", "EXPIRES", "USED", "STATE");
    }
    for (const auto& each : tokens) {
        const auto& token = each.token;
        const Shown shown{
            token.name, names_of(token.scopes), names_of(token.caches, caches), token.expires_at};
        if (flags.json) {
            out.push_back(to_json(each, shown, at));
        } else {
            print(each, shown, at);
        }
    }
    if (flags.json) fmt::print("{}\n", out.dump());
    return 0;
}

// --- revoke ---

int revoke(const TokenFlags& flags, db::Connection& connection) {
    bool revoked = false;
    bool known = false;
    connection.write([&](db::Tx& tx) {
        revoked = db::revoke_token(tx, flags.name);
        known = revoked || std::ranges::any_of(db::list_tokens(tx), [&](const auto& each) {
                    return each.token.name == flags.name;
                });
    });
    if (!known) {
        throw Failure(
            fmt::format("there is no token {}; 'narthex token list' shows all", flags.name)
        );
    }
    if (flags.json) {
        fmt::print("{}\n", nlohmann::json{{"name", flags.name}, {"revoked_now", revoked}}.dump());
    } else if (revoked) {
        fmt::print("revoked {}: every server refuses it within a second\n", flags.name);
    } else {
        fmt::print("{} was revoked already\n", flags.name);
    }
    return 0;
}

// --- the command line ---

using Run = int (*)(const TokenFlags&, db::Connection&);

struct Added {
    Command command;
    Flags flags;
};

Added add(Command token, Action& action, const char* name, const char* help, Run run) {
    const auto command = token.add_subcommand(name, help);
    auto flags = std::make_shared<TokenFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_flag("--json", flags->json, "print JSON");
    command.callback([&action, flags, run] {
        action = [flags, run] {
            const auto loaded = load(*flags->settings);
            const auto database = open_database(loaded.config);
            db::Connection connection(database.uri, db::Session::work);
            return run(*flags, connection);
        };
    });
    return {command, flags};
}

void add_create(Command token, Action& action) {
    const auto [command, flags] =
        add(token, action, "create", "make a token and print it, once", create);
    command.add_option("--name", flags->name, "who it is for: the name in lists and logs")
        .type_name("NAME")
        .required();
    command
        .add_option(
            "--scope",
            flags->scopes,
            "what it may do: read (private caches), publish, roots, gc, admin, replica; publish "
            "and "
            "replica imply read, admin implies all; repeatable"
        )
        .one_value_each()
        .type_name("SCOPE")
        .required();
    command.add_option("--cache", flags->caches, "where it may; repeatable [all caches]")
        .one_value_each()
        .type_name("NAME");
    command
        .add_option(
            "--expires",
            flags->expires,
            "90d, 12h, 2027-01-31 (from 00:00 UTC of that day on) or never [90d]"
        )
        .type_name("WHEN");
}

}  // namespace

void add_token(Command app, Action& action) {
    const auto token = app.add_subcommand("token", "who may read private caches and change things");
    token.require_subcommand();
    add_create(token, action);
    const auto [list_command, list_flags] =
        add(token, action, "list", "all tokens but those that were revoked", list);
    list_command.add_flag("--all", list_flags->all, "revoked ones, too");
    const auto [revoke_command, revoke_flags] = add(token, action, "revoke", "end a token", revoke);
    revoke_command.add_option("NAME", revoke_flags->name, "the token").required();
}

}  // namespace narthex::app
