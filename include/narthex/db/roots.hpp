// Roots and channels as the database has them. Functions take a transaction and never commit; which
// roots live is decided above (service/roots.hpp). Times are seconds since 1970.
#pragma once

#include "narthex/core/retention.hpp"
#include "narthex/core/root.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// What a mark starts from.
struct LivingRoot {
    int id;
    std::string name;
    std::string kind;        // core/root.hpp: to_string
    std::vector<int> paths;  // path ids, without order; they may dangle
    std::string item;        // a pin's HASH-NAME; a pattern, for glob_regex
    bool never_delete;
};
// The roots with these ids, in their order.
[[nodiscard]] std::vector<LivingRoot> load_roots(Tx& tx, std::span<const int> ids);

// All of a root but its paths.
struct Root {
    int id;
    std::string name;
    RootKind kind;
    std::string item;            // empty where there is none
    std::size_t paths;           // how many
    std::optional<int> channel;  // of a bump
    std::optional<std::int64_t> bumped_at;
    bool never_delete;
    std::string owner;
    std::string reason;
    std::int64_t created_at;
    std::optional<std::int64_t> expires_at;  // absent: never
};
// In the order of their names.
[[nodiscard]] std::vector<Root> list_roots(Tx& tx, int cache);
// Nobody else changes it until the end of the transaction.
[[nodiscard]] std::optional<Root> lock_root(Tx& tx, int cache, const std::string& name);

struct NewRoot {
    std::string name;
    RootKind kind;
    std::string item;
    std::vector<int> paths;  // path ids, ascending, each once
    std::optional<int> channel;
    std::optional<std::int64_t> bumped_at;
    bool never_delete = false;
    std::string owner;
    std::string reason;
    std::optional<std::int64_t> expires_at;
};
// Its id; absent when there is one of that name.
[[nodiscard]] std::optional<int> insert_root(Tx& tx, int cache, const NewRoot& root);
// All of it but its name and when it was made.
void update_root(Tx& tx, int id, const NewRoot& root);
void delete_root(Tx& tx, int id);

// Whether its paths are these (ascending).
[[nodiscard]] bool has_paths(Tx& tx, int root, std::span<const int> paths);

struct RootPath {
    HashPart hash;
    std::string name;  // of the narinfo; empty when there is none
    bool served;
};
// At most `most` of a root's paths, the first `from` left out, in an order of their own.
[[nodiscard]] std::vector<RootPath> list_root_paths(
    Tx& tx, int root, std::size_t from, std::size_t most
);
// How many paths of each root the cache doesn't serve, by the roots' ids; nothing of those that are
// complete.
[[nodiscard]] std::map<int, std::size_t> count_unserved_paths(Tx& tx, std::span<const int> roots);
// The places of those that the cache doesn't serve, in order.
[[nodiscard]] std::vector<std::size_t> find_unserved(
    Tx& tx, int cache, std::span<const HashPart> hashes
);
// The hash parts of all paths of these roots, each once; none for patterns.
[[nodiscard]] std::vector<HashPart> root_hashes(Tx& tx, std::span<const int> roots);
// Those paths of hide batches whose names a regular expression matches (core/glob.hpp).
[[nodiscard]] std::vector<HashPart> hidden_matching(Tx& tx, int cache, const std::string& regex);

struct Channel {
    int id;
    std::string name;
    RetentionRule rule;
};
[[nodiscard]] std::vector<Channel> list_channels(Tx& tx, int cache);
// Nobody else changes it, or adds a bump to it, until the end of the transaction.
[[nodiscard]] std::optional<Channel> lock_channel(Tx& tx, int cache, const std::string& name);
// Made where there is none of that name; its rule is this from now on. Its id.
[[nodiscard]] int store_channel(
    Tx& tx, int cache, const std::string& name, const RetentionRule& rule
);
// It has no bumps.
void delete_channel(Tx& tx, int id);

}  // namespace narthex::db
