// Access tokens: "ntx_" and 52 digits of Nix base32, which are 32 random bytes. Letters and digits
// only, so that a token survives netrc files, URLs, shells and a double click; the prefix lets
// scanners for leaked secrets find it. Servers keep its hash: nobody can guess 32 random bytes, so
// a fast hash without salt is enough (BLAKE2b, libsodium's crypto_generichash).
// What a token may do are its scopes, in all caches or in some. Pure, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex {

enum class Scope { read, publish, roots, gc, admin, replica };
inline constexpr std::array k_scopes = {
    Scope::read, Scope::publish, Scope::roots, Scope::gc, Scope::admin, Scope::replica};

[[nodiscard]] std::string_view to_string(Scope scope);
[[nodiscard]] std::optional<Scope> parse_scope(std::string_view text);

class Scopes {
  public:
    void add(Scope scope) { bits_ |= bit(scope); }

    // Given, or implied by what is given: admin implies all; publish and replica imply read, since
    // whoever uploads or copies asks first what is there.
    [[nodiscard]] bool allow(Scope wanted) const;

    // Those that were given, in the order of the enumeration.
    [[nodiscard]] std::vector<Scope> list() const;

    bool operator==(const Scopes&) const = default;

  private:
    static unsigned bit(Scope scope) { return 1U << static_cast<unsigned>(scope); }
    unsigned bits_ = 0;
};

class TokenHash {
  public:
    static constexpr std::size_t k_size = 32;

    explicit TokenHash(std::array<unsigned char, k_size> bytes) : bytes_(bytes) {}
    [[nodiscard]] std::span<const unsigned char, k_size> bytes() const { return bytes_; }

    // Takes as long wherever two of them differ.
    bool operator==(const TokenHash& other) const;

  private:
    std::array<unsigned char, k_size> bytes_;
};

// A new token: its text, which is to be shown once and never kept.
[[nodiscard]] std::string generate_token();

// Absent when `text` isn't a token's.
[[nodiscard]] std::optional<TokenHash> hash_token(std::string_view text);

// The hash of the token in the value of an Authorization field: "Bearer TOKEN" (RFC 6750), or
// "Basic BASE64" (RFC 7617) of any user name with the token as password, which is what Nix makes of
// a line in netrc. Absent when there is none.
[[nodiscard]] std::optional<TokenHash> token_of_authorization(std::string_view value);

// [A-Za-z0-9][A-Za-z0-9._@-]{0,62}
[[nodiscard]] bool is_token_name(std::string_view name);

// A token as a server knows it. Times are seconds since 1970.
struct Token {
    int id;
    std::string name;
    TokenHash hash;
    Scopes scopes;
    std::optional<std::vector<int>> caches;  // absent: all, those to come included
    std::int64_t created_at;
    std::optional<std::int64_t> expires_at;  // absent: never
    std::optional<std::int64_t> revoked_at;
};

// Why a request may not do what it asks for.
enum class Denial {
    no_token,
    unknown,  // a token or something else that was never given out, or has ended long ago
    expired,
    revoked,
    wrong_scope,
    other_cache,
    unconfirmed,  // the database is away: nobody knows whether the token was revoked
};

// Absent when `token` may use `scope` in `cache` at `now`.
[[nodiscard]] std::optional<Denial> denial(
    const Token& token, int cache, Scope scope, std::int64_t now
);

}  // namespace narthex

template <>
struct std::hash<narthex::TokenHash> {
    std::size_t operator()(const narthex::TokenHash& token) const noexcept;
};
