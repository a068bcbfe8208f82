#include "narthex/core/token.hpp"

#include "narthex/core/encoding.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace narthex {

namespace {

constexpr std::string_view k_prefix = "ntx_";
constexpr std::size_t k_secret_size = 32;
using Secret = std::array<unsigned char, k_secret_size>;

constexpr std::array<std::string_view, k_scopes.size()> k_scope_names = {
    "read", "publish", "roots", "gc", "admin", "replica"};

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Takes `scheme` (in lower case) and the spaces behind it off `value`; RFC 9110 11.4.
bool take_scheme(std::string_view& value, std::string_view scheme) {
    const auto word = value.substr(0, value.find(' '));
    const bool same = std::ranges::equal(word, scheme, {}, to_lower);
    if (!same || word.size() == value.size()) return false;
    value.remove_prefix(std::min(value.find_first_not_of(' ', word.size()), value.size()));
    return true;
}

bool is_letter_or_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::string_view to_string(Scope scope) {
    return k_scope_names[static_cast<std::size_t>(scope)];
}

std::optional<Scope> parse_scope(std::string_view text) {
    const auto at = std::ranges::find(k_scope_names, text);
    if (at == k_scope_names.end()) return std::nullopt;
    return k_scopes[static_cast<std::size_t>(at - k_scope_names.begin())];
}

bool Scopes::allow(Scope wanted) const {
    auto enough = bit(wanted) | bit(Scope::admin);
    if (wanted == Scope::read) enough |= bit(Scope::publish) | bit(Scope::replica);
    return (bits_ & enough) != 0;
}

std::vector<Scope> Scopes::list() const {
    std::vector<Scope> out;
    for (const auto scope : k_scopes) {
        if ((bits_ & bit(scope)) != 0) out.push_back(scope);
    }
    return out;
}

bool TokenHash::operator==(const TokenHash& other) const {
    return sodium_memcmp(bytes_.data(), other.bytes_.data(), k_size) == 0;
}

std::string generate_token() {
    if (sodium_init() < 0) throw std::runtime_error("libsodium can't be initialised");
    Secret secret;
    randombytes_buf(secret.data(), secret.size());
    return std::string(k_prefix) + to_nix_base32(secret);
}

std::optional<TokenHash> hash_token(std::string_view text) {
    Secret secret{};
    if (!text.starts_with(k_prefix)) return std::nullopt;
    if (!decode_nix_base32(text.substr(k_prefix.size()), secret)) return std::nullopt;
    std::array<unsigned char, TokenHash::k_size> hash;
    crypto_generichash(hash.data(), hash.size(), secret.data(), secret.size(), nullptr, 0);
    return TokenHash(hash);
}

std::optional<TokenHash> token_of_authorization(std::string_view value) {
    if (take_scheme(value, "bearer")) return hash_token(value);
    if (!take_scheme(value, "basic")) return std::nullopt;
    const auto decoded = from_base64(value);
    if (!decoded) return std::nullopt;
    const std::string_view pair(reinterpret_cast<const char*>(decoded->data()), decoded->size());
    const auto colon = pair.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    return hash_token(pair.substr(colon + 1));
}

bool is_token_name(std::string_view name) {
    if (name.empty() || name.size() > 63 || !is_letter_or_digit(name[0])) return false;
    return std::ranges::all_of(name, [](char c) {
        return is_letter_or_digit(c) || c == '.' || c == '_' || c == '@' || c == '-';
    });
}

std::optional<Denial> denial(const Token& token, int cache, Scope scope, std::int64_t now) {
    if (token.revoked_at) return Denial::revoked;
    if (token.expires_at && *token.expires_at <= now) return Denial::expired;
    if (!token.scopes.allow(scope)) return Denial::wrong_scope;
    const bool in_cache =
        !token.caches || std::ranges::find(*token.caches, cache) != token.caches->end();
    if (!in_cache) return Denial::other_cache;
    return std::nullopt;
}

}  // namespace narthex

std::size_t std::hash<narthex::TokenHash>::operator()(const narthex::TokenHash& token
) const noexcept {
    std::size_t first;
    std::memcpy(&first, token.bytes().data(), sizeof first);
    return first;
}
