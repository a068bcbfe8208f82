#include "support/database.hpp"

#include "narthex/db/tokens.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace narthex::db {
namespace {

class Tokens : public testing::Test {
  protected:
    static NewToken fresh(const std::string& name) {
        NewToken token{name, *hash_token(generate_token()), {}, std::nullopt, std::nullopt};
        token.scopes.add(Scope::read);
        return token;
    }
    bool insert(const NewToken& token) {
        bool inserted = false;
        connection_.write([&](Tx& tx) { inserted = insert_token(tx, token); });
        return inserted;
    }
    bool revoke(const std::string& name) {
        bool revoked = false;
        connection_.write([&](Tx& tx) { revoked = revoke_token(tx, name); });
        return revoked;
    }
    std::vector<Token> current() {
        std::vector<Token> tokens;
        connection_.read([&](Tx& tx) { tokens = current_tokens(tx); });
        return tokens;
    }
    std::vector<ListedToken> listed() {
        std::vector<ListedToken> tokens;
        connection_.read([&](Tx& tx) { tokens = list_tokens(tx); });
        return tokens;
    }

    test::TestDatabase database_;
    Connection connection_{database_.uri(), Session::work};
};

TEST_F(Tokens, come_back_as_they_were_made) {
    auto token = fresh("ci");
    token.scopes.add(Scope::gc);
    token.caches = {1, 7};
    token.expires_at = 4'000'000'000;
    ASSERT_TRUE(insert(token));
    const auto tokens = current();
    ASSERT_EQ(tokens.size(), 1U);
    EXPECT_EQ(tokens[0].name, "ci");
    EXPECT_EQ(tokens[0].hash, token.hash);
    EXPECT_EQ(tokens[0].scopes, token.scopes);
    EXPECT_EQ(tokens[0].caches, token.caches);
    EXPECT_EQ(tokens[0].expires_at, token.expires_at);
    EXPECT_EQ(tokens[0].revoked_at, std::nullopt);
    EXPECT_GT(tokens[0].created_at, 1'700'000'000);
}

TEST_F(Tokens, are_for_all_caches_and_for_ever_where_nothing_else_is_said) {
    ASSERT_TRUE(insert(fresh("ci")));
    EXPECT_EQ(current()[0].caches, std::nullopt);
    EXPECT_EQ(current()[0].expires_at, std::nullopt);
}

TEST_F(Tokens, share_no_name_until_one_is_revoked) {
    ASSERT_TRUE(insert(fresh("ci")));
    EXPECT_FALSE(insert(fresh("ci")));
    EXPECT_TRUE(revoke("ci"));
    EXPECT_FALSE(revoke("ci"));
    EXPECT_FALSE(revoke("other"));
    EXPECT_TRUE(insert(fresh("ci")));
    const auto all = listed();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_TRUE(all[0].token.revoked_at);
    EXPECT_FALSE(all[1].token.revoked_at);
}

TEST_F(Tokens, are_current_for_a_month_after_their_end) {
    for (const std::string name : {"good", "ended", "long-ended", "revoked", "long-revoked"}) {
        ASSERT_TRUE(insert(fresh(name)));
    }
    test::execute(
        database_.uri(),
        "update token set expires_at = now() + interval '1 day' where name = 'good';"
        "update token set expires_at = now() - interval '29 days' where name = 'ended';"
        "update token set expires_at = now() - interval '31 days' where name = 'long-ended';"
        "update token set revoked_at = now() - interval '29 days' where name = 'revoked';"
        "update token set revoked_at = now() - interval '31 days',"
        " expires_at = now() + interval '1 day' where name = 'long-revoked'"
    );
    std::vector<std::string> names;
    for (const auto& token : current()) names.push_back(token.name);
    std::ranges::sort(names);
    EXPECT_EQ(names, (std::vector<std::string>{"ended", "good", "revoked"}));
    EXPECT_EQ(listed().size(), 5U);
}

TEST_F(Tokens, remember_their_last_use_whatever_comes_late) {
    ASSERT_TRUE(insert(fresh("a")));
    ASSERT_TRUE(insert(fresh("b")));
    const auto store = [&](std::vector<TokenUse> uses) {
        connection_.write([&](Tx& tx) { store_token_uses(tx, uses); });
    };
    const int a = listed()[0].token.id;
    EXPECT_EQ(listed()[0].used_at, std::nullopt);
    store({{a, 2000}});
    store({{a, 1000}});
    EXPECT_EQ(listed()[0].used_at, 2000);
    EXPECT_EQ(listed()[1].used_at, std::nullopt);
    store({{listed()[1].token.id, 7}, {a, 3000}});
    EXPECT_EQ(listed()[0].used_at, 3000);
    EXPECT_EQ(listed()[1].used_at, 7);
}

TEST_F(Tokens, have_no_scope_that_nobody_knows) {
    for (const std::string scopes : {"{}", "{write}", "{read,NULL}"}) {
        EXPECT_THROW(
            test::execute(
                database_.uri(),
                "insert into token (name, hash, scopes) values ('x', sha256('x'), '" + scopes + "')"
            ),
            std::runtime_error
        ) << scopes;
    }
}

}  // namespace
}  // namespace narthex::db
