// Access tokens in the database: their hashes, never their texts. Functions take a transaction and
// never commit. Times are seconds since 1970.
#pragma once

#include "narthex/core/token.hpp"
#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// Those that are good, and those that have ended within a month; in no order.
[[nodiscard]] std::vector<Token> current_tokens(Tx& tx);

struct ListedToken {
    Token token;
    std::optional<std::int64_t> used_at;  // absent: never
};
// All there ever were, by name.
[[nodiscard]] std::vector<ListedToken> list_tokens(Tx& tx);

struct NewToken {
    std::string name;  // see is_token_name
    TokenHash hash;
    Scopes scopes;                           // at least one
    std::optional<std::vector<int>> caches;  // absent: all; never empty
    std::optional<std::int64_t> expires_at;  // absent: never
};
// False when a token that isn't revoked has the name, be it expired.
[[nodiscard]] bool insert_token(Tx& tx, const NewToken& token);

// False when no token of that name is left to be revoked.
[[nodiscard]] bool revoke_token(Tx& tx, const std::string& name);

struct TokenUse {
    int token;
    std::int64_t at;
};
// Later uses that are stored already stay.
void store_token_uses(Tx& tx, std::span<const TokenUse> uses);

}  // namespace narthex::db
