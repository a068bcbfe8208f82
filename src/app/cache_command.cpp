#include "narthex/app/arguments.hpp"
#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/core/upstream.hpp"
#include "narthex/db/caches.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace narthex::app {

namespace {

// What was given on the command line; absent: left as it is.
struct CacheFlags {
    std::string name;
    std::optional<std::string> store_dir;
    std::optional<int> priority;
    std::optional<bool> want_mass_query;
    std::optional<std::string> visibility;
    std::vector<std::string> trusted_keys;
    bool no_trusted_keys = false;
    std::vector<std::string> authorized_keys;  // files
    bool no_authorized_keys = false;
    std::optional<bool> sign_uploads;
    std::optional<bool> allow_gaps;
    std::vector<std::string> upstreams;
    bool no_upstreams = false;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};
using Flags = std::shared_ptr<CacheFlags>;

template <class Key>
std::vector<std::string> texts_of(const std::vector<Key>& keys) {
    std::vector<std::string> texts;
    texts.reserve(keys.size());
    for (const auto& key : keys) texts.push_back(key.to_string());
    return texts;
}

nlohmann::json to_json(const Cache& cache) {
    const bool is_public = cache.visibility == Visibility::public_cache;
    return {
        {"name", cache.name},
        {"store_dir", cache.store_dir},
        {"priority", cache.priority},
        {"want_mass_query", cache.want_mass_query},
        {"visibility", is_public ? "public" : "private"},
        {"trusted_keys", texts_of(cache.trusted_keys)},
        {"authorized_keys", texts_of(cache.authorized_keys)},
        {"sign_uploads", cache.sign_uploads},
        {"allow_gaps", cache.allow_gaps},
        {"upstreams", cache.upstreams},
    };
}

void print(const Cache& cache) {
    const bool is_public = cache.visibility == Visibility::public_cache;
    fmt::print("name             {}\n", cache.name);
    fmt::print("served at        /{}\n", cache.name == k_default_cache ? "" : cache.name + "/");
    fmt::print("store directory  {}\n", cache.store_dir);
    fmt::print("priority         {}\n", cache.priority);
    fmt::print("mass queries     {}\n", cache.want_mass_query ? "wanted" : "not wanted");
    fmt::print("visibility       {}\n", is_public ? "public" : "private");
    fmt::print(
        "uploads          {}\n",
        cache.sign_uploads ? "signed by the server" : "signed by the client"
    );
    fmt::print(
        "references       {}\n", cache.allow_gaps ? "may be missing" : "have to be there first"
    );
    if (trusted_keys_of(cache).empty())
        fmt::print("trusted keys     none: signatures aren't required\n");
    for (const auto& key : cache.trusted_keys) fmt::print("trusted key      {}\n", key.to_string());
    for (const auto& key : cache.authorized_keys)
        fmt::print("authorized key   {}\n", key.to_string());
    for (const auto& upstream : cache.upstreams) fmt::print("pulls from       {}\n", upstream);
}

std::vector<PublicKey> parse_keys(const std::vector<std::string>& texts) {
    std::vector<PublicKey> keys;
    for (const auto& text : texts) {
        auto key = PublicKey::parse(text);
        if (!key) throw UsageError("--trusted-key: " + key.error().message);
        keys.push_back(std::move(*key));
    }
    return keys;
}

std::vector<std::string> parse_upstreams(const std::vector<std::string>& texts) {
    std::vector<std::string> upstreams;
    for (const auto& text : texts) {
        auto upstream = parse_upstream(text);
        if (!upstream) throw UsageError("--upstream: it " + upstream.error().message);
        upstreams.push_back(std::move(*upstream));
    }
    return upstreams;
}

void apply(const CacheFlags& flags, Cache& cache) {
    if (flags.store_dir) {
        if (!is_store_dir(*flags.store_dir)) {
            throw UsageError(fmt::format(
                "--store-dir: \"{}\" is not a store directory such as /nix/store", *flags.store_dir
            ));
        }
        cache.store_dir = *flags.store_dir;
    }
    if (flags.priority) cache.priority = *flags.priority;
    if (flags.want_mass_query) cache.want_mass_query = *flags.want_mass_query;
    if (flags.visibility) {
        const bool is_public = *flags.visibility == "public";
        cache.visibility = is_public ? Visibility::public_cache : Visibility::private_cache;
    }
    if (!flags.trusted_keys.empty()) cache.trusted_keys = parse_keys(flags.trusted_keys);
    if (flags.no_trusted_keys) cache.trusted_keys.clear();
    if (!flags.authorized_keys.empty())
        cache.authorized_keys = read_guix_keys(flags.authorized_keys);
    if (flags.no_authorized_keys) cache.authorized_keys.clear();
    if (flags.sign_uploads) cache.sign_uploads = *flags.sign_uploads;
    if (flags.allow_gaps) cache.allow_gaps = *flags.allow_gaps;
    if (!flags.upstreams.empty()) cache.upstreams = parse_upstreams(flags.upstreams);
    if (flags.no_upstreams) cache.upstreams.clear();
    if (cache.pulls_through() && trusted_keys_of(cache).empty()) {
        throw Failure(
            "a cache with upstreams needs the keys that they sign with (--trusted-key, "
            "--authorized-key): nothing else is taken from them"
        );
    }
}

void show(const CacheFlags& flags, const Cache& cache) {
    if (flags.json) {
        fmt::print("{}\n", to_json(cache).dump());
    } else {
        print(cache);
    }
}

int create(const CacheFlags& flags, db::Connection& connection) {
    if (!is_cache_name(flags.name)) {
        throw UsageError(fmt::format(
            "\"{}\" can't be a cache's name: lower-case letters, digits, - and _, not one of the "
            "paths that narthex serves",
            flags.name
        ));
    }
    Cache cache;
    cache.name = flags.name;
    cache.store_dir = "/nix/store";
    apply(flags, cache);
    std::optional<int> id;
    connection.write([&](db::Tx& tx) { id = db::insert_cache(tx, cache); });
    if (!id) {
        throw Failure(
            fmt::format("there is a cache {} already; 'narthex cache set' changes it", flags.name)
        );
    }
    show(flags, cache);
    return 0;
}

// What a cache that isn't empty holds, so that it can't become another one; empty when it can.
std::string obstacle_to(const Cache& before, const Cache& after) {
    if (after.store_dir != before.store_dir) {
        return fmt::format(
            "narinfos of {}: make another cache for {}", before.store_dir, after.store_dir
        );
    }
    if (after.pulls_through() == before.pulls_through()) return "";
    return before.pulls_through()
               ? "what it has pulled from its upstreams: make another cache to publish into"
               : "what was published into it: make another cache to pull into";
}

int set(const CacheFlags& flags, db::Connection& connection) {
    auto cache = find_cache(connection, flags.name);
    const auto before = cache;
    apply(flags, cache);
    connection.write([&](db::Tx& tx) {
        const auto obstacle = obstacle_to(before, cache);
        if (!obstacle.empty() && db::cache_totals(tx, cache.id).narinfos > 0) {
            throw Failure(fmt::format("cache {} holds {}", cache.name, obstacle));
        }
        if (!db::update_cache(tx, cache)) throw Failure("the cache has just gone");
    });
    show(flags, cache);
    return 0;
}

int list_caches(const CacheFlags& flags, db::Connection& connection) {
    const auto caches = find_caches(connection, "");
    if (flags.json) {
        auto out = nlohmann::json::array();
        for (const auto& cache : caches) out.push_back(to_json(cache));
        fmt::print("{}\n", out.dump());
        return 0;
    }
    fmt::print("{:<20} {:<20} {:>8}  {}\n", "NAME", "STORE", "PRIORITY", "VISIBILITY");
    for (const auto& cache : caches) {
        const bool is_public = cache.visibility == Visibility::public_cache;
        fmt::print(
            "{:<20} {:<20} {:>8}  {}\n",
            cache.name,
            cache.store_dir,
            cache.priority,
            is_public ? "public" : "private"
        );
    }
    return 0;
}

int show_cache(const CacheFlags& flags, db::Connection& connection) {
    const auto cache = find_cache(connection, flags.name);
    db::CacheTotals totals{};
    connection.read([&](db::Tx& tx) { totals = db::cache_totals(tx, cache.id); });
    if (flags.json) {
        auto out = to_json(cache);
        out["narinfos"] = totals.narinfos;
        out["nar_bytes"] = totals.nar_bytes;
        fmt::print("{}\n", out.dump());
        return 0;
    }
    print(cache);
    fmt::print("narinfos         {}\n", totals.narinfos);
    fmt::print("NARs, unpacked   {} bytes\n", totals.nar_bytes);
    return 0;
}

using Run = int (*)(const CacheFlags&, db::Connection&);

Flags add(Command cache, Action& action, const char* name, const char* help, Run run) {
    const auto command = cache.add_subcommand(name, help);
    auto flags = std::make_shared<CacheFlags>();
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
    return flags;
}

void add_name(Command cache, const char* command, const Flags& flags) {
    cache.get_subcommand(command).add_option("NAME", flags->name, "the cache").required();
}

void add_properties(Command cache, const char* name, const Flags& flags) {
    const auto command = cache.get_subcommand(name);
    command.add_option("--store-dir", flags->store_dir, "store directory of its paths")
        .type_name("DIR");
    command.add_option("--priority", flags->priority, "0 is asked first; cache.nixos.org has 40")
        .type_name("N")
        .not_negative();
    command
        .add_option("--want-mass-query", flags->want_mass_query, "may clients ask for many at once")
        .type_name("BOOL");
    command
        .add_option(
            "--visibility",
            flags->visibility,
            "a private cache is read with a token (narthex token create --scope read)"
        )
        .type_name("public|private")
        .one_of({"public", "private"});
    command
        .add_option(
            "--trusted-key",
            flags->trusted_keys,
            "NAME:BASE64 of a key that narinfos must be signed with; repeatable, replaces all"
        )
        .one_value_each()
        .type_name("KEY");
    command.add_flag("--no-trusted-keys", flags->no_trusted_keys, "take no signatures of Nix's")
        .excludes("--trusted-key");
    command
        .add_option(
            "--authorized-key",
            flags->authorized_keys,
            "a file with a public key of Guix's, or an acl as /etc/guix/acl: narinfos must be "
            "signed with one of them or of the trusted keys; repeatable, replaces all; the first "
            "is served as /signing-key.pub"
        )
        .one_value_each()
        .type_name("FILE");
    command
        .add_flag("--no-authorized-keys", flags->no_authorized_keys, "take no signatures of Guix's")
        .excludes("--authorized-key");
    command
        .add_option(
            "--sign-uploads",
            flags->sign_uploads,
            "does the server sign what is uploaded, with its --signing-key; it needs no other then"
        )
        .type_name("BOOL");
    command
        .add_option(
            "--allow-gaps", flags->allow_gaps, "may an upload refer to paths that the cache lacks"
        )
        .type_name("BOOL");
    command
        .add_option(
            "--upstream",
            flags->upstreams,
            "http(s) URL of a cache that is asked for what isn't here; repeatable, in this order, "
            "replaces all; such a cache needs trusted keys, and nobody publishes into it"
        )
        .one_value_each()
        .type_name("URL");
    command.add_flag("--no-upstreams", flags->no_upstreams, "ask nobody else")
        .excludes("--upstream");
}

}  // namespace

void add_cache(Command app, Action& action) {
    const auto cache = app.add_subcommand("cache", "the caches of this server");
    cache.require_subcommand();
    const auto created = add(cache, action, "create", "make a cache", create);
    add_name(cache, "create", created);
    add_properties(cache, "create", created);
    add(cache, action, "list", "all caches", list_caches);
    add_name(cache, "show", add(cache, action, "show", "one cache and its size", show_cache));
    const auto changed = add(cache, action, "set", "change a cache", set);
    add_name(cache, "set", changed);
    add_properties(cache, "set", changed);
}

}  // namespace narthex::app
