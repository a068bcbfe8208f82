#include "narthex/db/caches.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

namespace narthex::db {

namespace {

Cache to_cache(const pqxx::row& row) {
    Cache cache;
    cache.id = row[0].as<int>();
    cache.name = row[1].as<std::string>();
    cache.store_dir = row[2].as<std::string>();
    cache.priority = row[3].as<int>();
    cache.want_mass_query = row[4].as<bool>();
    const bool is_public = row[5].as<std::string>() == "public";
    cache.visibility = is_public ? Visibility::public_cache : Visibility::private_cache;
    for (const auto& key : to_texts(row[6])) {
        cache.trusted_keys.push_back(PublicKey::parse(key).value());
    }
    for (const auto& key : to_texts(row[7])) {
        cache.authorized_keys.push_back(GuixKey::parse(key).value());
    }
    cache.sign_uploads = row[8].as<bool>();
    cache.allow_gaps = row[9].as<bool>();
    cache.upstreams = to_texts(row[10]);
    return cache;
}

std::string boolean(bool value) {
    return value ? "t" : "f";
}

template <class Key>
std::string to_array(const std::vector<Key>& keys) {
    std::vector<std::string> texts;
    texts.reserve(keys.size());
    for (const auto& key : keys) texts.push_back(key.to_string());
    return text_array(texts);
}

pqxx::result exec_with(Tx& tx, const Statement& statement, const Cache& cache) {
    return exec(
        tx,
        statement,
        cache.name,
        cache.store_dir,
        cache.priority,
        boolean(cache.want_mass_query),
        std::string(cache.visibility == Visibility::public_cache ? "public" : "private"),
        to_array(cache.trusted_keys),
        to_array(cache.authorized_keys),
        boolean(cache.sign_uploads),
        boolean(cache.allow_gaps),
        text_array(cache.upstreams)
    );
}

}  // namespace

std::vector<Cache> list_caches(Tx& tx) {
    std::vector<Cache> out;
    for (const auto& row : exec(tx, sql::list_caches)) out.push_back(to_cache(row));
    return out;
}

std::optional<int> insert_cache(Tx& tx, const Cache& cache) {
    for (const auto& other : list_caches(tx)) {
        if (other.name == cache.name) return std::nullopt;
    }
    const auto rows = exec_with(tx, sql::insert_cache, cache);
    if (rows.empty()) return std::nullopt;
    return rows[0][0].as<int>();
}

bool update_cache(Tx& tx, const Cache& cache) {
    return !exec_with(tx, sql::update_cache, cache).empty();
}

CacheTotals cache_totals(Tx& tx, int cache) {
    const auto row = exec(tx, sql::cache_totals, cache)[0];
    return {row[0].as<std::uint64_t>(), row[1].as<std::uint64_t>()};
}

}  // namespace narthex::db
