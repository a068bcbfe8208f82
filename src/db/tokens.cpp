#include "narthex/db/tokens.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

#include <algorithm>
#include <stdexcept>

namespace narthex::db {

namespace {

std::optional<std::int64_t> to_time(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<std::int64_t>();
}

TokenHash to_token_hash(const pqxx::field& field) {
    const auto bytes = from_hex(field.as<std::string>().substr(2));  // after \x
    std::array<unsigned char, TokenHash::k_size> hash{};
    if (!bytes || bytes->size() != hash.size())
        throw std::logic_error("a token's hash is malformed");
    std::ranges::copy(*bytes, hash.begin());
    return TokenHash(hash);
}

Scopes to_scopes(const pqxx::field& field) {
    Scopes scopes;
    for (const auto& name : to_texts(field)) {
        if (const auto scope = parse_scope(name)) scopes.add(*scope);
    }
    return scopes;
}

std::optional<std::vector<int>> to_cache_ids(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    std::vector<int> ids;
    for (const auto& id : to_texts(field)) ids.push_back(std::stoi(id));
    return ids;
}

Token to_token(const pqxx::row& row) {
    return {
        row[0].as<int>(),
        row[1].as<std::string>(),
        to_token_hash(row[2]),
        to_scopes(row[3]),
        to_cache_ids(row[4]),
        row[5].as<std::int64_t>(),
        to_time(row[6]),
        to_time(row[7]),
    };
}

std::string names_of(const Scopes& scopes) {
    std::vector<std::string> names;
    for (const auto scope : scopes.list()) names.emplace_back(to_string(scope));
    return text_array(names);
}

}  // namespace

std::vector<Token> current_tokens(Tx& tx) {
    std::vector<Token> out;
    for (const auto& row : exec(tx, sql::current_tokens)) out.push_back(to_token(row));
    return out;
}

std::vector<ListedToken> list_tokens(Tx& tx) {
    std::vector<ListedToken> out;
    for (const auto& row : exec(tx, sql::list_tokens)) {
        out.push_back({to_token(row), to_time(row[8])});
    }
    return out;
}

bool insert_token(Tx& tx, const NewToken& token) {
    const auto rows = exec(
        tx,
        sql::insert_token,
        token.name,
        bytea(token.hash.bytes()),
        names_of(token.scopes),
        token.caches ? int_array(*token.caches) : std::string(),
        token.expires_at ? std::to_string(*token.expires_at) : std::string()
    );
    return !rows.empty();
}

bool revoke_token(Tx& tx, const std::string& name) {
    return !exec(tx, sql::revoke_token, name).empty();
}

void store_token_uses(Tx& tx, std::span<const TokenUse> uses) {
    std::vector<int> tokens;
    std::vector<std::string> times;
    for (const auto& use : uses) {
        tokens.push_back(use.token);
        times.push_back(std::to_string(use.at));
    }
    exec(tx, sql::store_token_uses, int_array(tokens), text_array(times));
}

}  // namespace narthex::db
