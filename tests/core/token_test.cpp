#include "narthex/core/token.hpp"

#include "generators.hpp"

#include "narthex/core/encoding.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>

namespace narthex {
namespace {

// 32 bytes of 0, and what `b2sum -l 256` makes of them.
const std::string k_zeros = "ntx_" + std::string(52, '0');
constexpr std::string_view k_hash_of_zeros =
    "89eb0d6a8a691dae2cd15ed0369931ce0a949ecafa5c3f93f8121833646e15c3";

std::string base64_of(const std::string& text) {
    return to_base64({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

std::string basic(const std::string& pair) {
    return "Basic " + base64_of(pair);
}

Token token_with(Scopes scopes, std::optional<std::vector<int>> caches) {
    return {
        1, "ci", *hash_token(k_zeros), scopes, std::move(caches), 0, std::nullopt, std::nullopt};
}

Scopes scopes_of(std::initializer_list<Scope> list) {
    Scopes scopes;
    for (const auto scope : list) scopes.add(scope);
    return scopes;
}

TEST(TokenText, is_hashed_as_its_bytes) {
    EXPECT_EQ(to_hex(hash_token(k_zeros)->bytes()), k_hash_of_zeros);
}

TEST(TokenText, is_new_each_time_and_of_safe_characters) {
    std::set<std::string> all;
    for (int i = 0; i < 100; ++i) {
        const auto text = generate_token();
        EXPECT_EQ(text.size(), 56U);
        EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789", 4), text.npos);
        EXPECT_TRUE(hash_token(text));
        all.insert(text);
    }
    EXPECT_EQ(all.size(), 100U);
}

TEST(TokenText, is_nothing_else) {
    for (const std::string& text :
         {std::string(),
          std::string("ntx_"),
          k_zeros.substr(1),
          k_zeros + "0",
          k_zeros.substr(0, 55),
          "NTX_" + std::string(52, '0'),
          "ntx_" + std::string(51, '0') + "e",
          "ntx_" + std::string(51, '0') + "A",
          "ntx_" + std::string(52, 'z'),  // more than 32 bytes
          k_zeros + "\n",
          " " + k_zeros,
          "ntx_" + std::string(52, '\0')}) {
        EXPECT_FALSE(hash_token(text)) << text;
    }
}

TEST(Authorization, is_bearer_or_basic_with_the_token_as_password) {
    for (const std::string& value :
         {"Bearer " + k_zeros,
          "bearer " + k_zeros,
          "BEARER    " + k_zeros,
          basic("ci:" + k_zeros),
          basic(":" + k_zeros),
          basic("a user \xc3\xa9:" + k_zeros),
          "basic  " + base64_of("x:" + k_zeros)}) {
        const auto hash = token_of_authorization(value);
        ASSERT_TRUE(hash) << value;
        EXPECT_EQ(to_hex(hash->bytes()), k_hash_of_zeros);
    }
}

TEST(Authorization, is_nothing_else) {
    for (const std::string& value :
         {std::string(),
          std::string("Bearer"),
          std::string("Bearer "),
          std::string("Basic"),
          std::string("Basic "),
          std::string("   "),
          k_zeros,
          "Bearer" + k_zeros,
          "Bearer\t" + k_zeros,
          "Bearer " + k_zeros + " ",
          "Bearer " + k_zeros + ", Bearer " + k_zeros,
          "Basic " + k_zeros,
          basic(k_zeros),
          basic(k_zeros + ":"),
          basic("a:b:" + k_zeros),
          basic("a:" + k_zeros + "\n"),
          basic(std::string("a:\0", 3) + k_zeros),
          "Basic " + base64_of("a:" + k_zeros).substr(1),
          "Digest " + k_zeros,
          "Bearer " + std::string(100'000, 'x')}) {
        EXPECT_FALSE(token_of_authorization(value)) << value.substr(0, 100);
    }
}

RC_GTEST_PROP(AuthorizationProperty, finds_every_token, ()) {
    const auto bytes = *test::any_bytes<32>();
    const auto text = "ntx_" + to_nix_base32(bytes);
    auto user = *rc::gen::arbitrary<std::string>();
    std::erase(user, ':');
    const auto hash = hash_token(text);
    RC_ASSERT(hash.has_value());
    RC_ASSERT(token_of_authorization("Bearer " + text) == hash);
    RC_ASSERT(token_of_authorization(basic(user + ":" + text)) == hash);
}

RC_GTEST_PROP(AuthorizationProperty, takes_any_bytes_for_no_token, (const std::string& bytes)) {
    RC_ASSERT(!hash_token(bytes));
    RC_ASSERT(!token_of_authorization(bytes));
    RC_ASSERT(!token_of_authorization("Bearer " + bytes));
    RC_ASSERT(!token_of_authorization("Basic " + bytes));
    RC_ASSERT(!token_of_authorization(basic("user:" + bytes)));
}

RC_GTEST_PROP(AuthorizationProperty, tells_tokens_apart_that_differ_in_a_bit, ()) {
    auto bytes = *test::any_bytes<32>();
    const auto before = hash_token("ntx_" + to_nix_base32(bytes));
    bytes[*rc::gen::inRange(0, 32)] ^= static_cast<unsigned char>(1 << *rc::gen::inRange(0, 8));
    RC_ASSERT(!(hash_token("ntx_" + to_nix_base32(bytes)) == before));
}

TEST(Scopes, have_names) {
    for (const auto scope : k_scopes) EXPECT_EQ(parse_scope(to_string(scope)), scope);
    for (const auto* text : {"", "Read", "read ", "write", "*"}) EXPECT_FALSE(parse_scope(text));
}

TEST(Scopes, allow_what_they_are_and_what_they_imply) {
    EXPECT_FALSE(Scopes().allow(Scope::read));
    for (const auto given : k_scopes) {
        for (const auto wanted : k_scopes) {
            const bool implied =
                given == Scope::admin ||
                (wanted == Scope::read && (given == Scope::publish || given == Scope::replica));
            EXPECT_EQ(scopes_of({given}).allow(wanted), given == wanted || implied)
                << to_string(given) << " " << to_string(wanted);
        }
    }
    const auto two = scopes_of({Scope::gc, Scope::read, Scope::gc});
    EXPECT_EQ(two.list(), (std::vector{Scope::read, Scope::gc}));
}

TEST(TokenName, is_short_and_printable) {
    for (const std::string& name :
         {std::string("ci"), std::string("Alice@laptop.home_2-x"), std::string(63, 'a')}) {
        EXPECT_TRUE(is_token_name(name)) << name;
    }
    for (const std::string& name :
         {std::string(),
          std::string("-x"),
          std::string("a b"),
          std::string("a\n"),
          std::string("\xc3\xa9"),
          std::string(64, 'a')}) {
        EXPECT_FALSE(is_token_name(name)) << name;
    }
}

TEST(TokenDenial, is_for_scopes_and_caches_that_it_lacks) {
    const auto all = token_with(scopes_of({Scope::read}), std::nullopt);
    EXPECT_EQ(denial(all, 7, Scope::read, 0), std::nullopt);
    EXPECT_EQ(denial(all, 7, Scope::publish, 0), Denial::wrong_scope);
    const auto some = token_with(scopes_of({Scope::read}), std::vector{2, 3});
    EXPECT_EQ(denial(some, 3, Scope::read, 0), std::nullopt);
    EXPECT_EQ(denial(some, 1, Scope::read, 0), Denial::other_cache);
    EXPECT_EQ(denial(some, 1, Scope::gc, 0), Denial::wrong_scope);
    // Admin of some caches is nothing in others.
    const auto admin = token_with(scopes_of({Scope::admin}), std::vector{2});
    EXPECT_EQ(denial(admin, 1, Scope::read, 0), Denial::other_cache);
}

TEST(TokenDenial, is_for_those_that_have_ended) {
    auto token = token_with(scopes_of({Scope::read}), std::nullopt);
    token.expires_at = 100;
    EXPECT_EQ(denial(token, 1, Scope::read, 99), std::nullopt);
    EXPECT_EQ(denial(token, 1, Scope::read, 100), Denial::expired);
    token.revoked_at = 50;
    EXPECT_EQ(denial(token, 1, Scope::read, 10), Denial::revoked);
}

}  // namespace
}  // namespace narthex
