// Who may write, and what is said to those who may not.
#include "support/database.hpp"

#include "narthex/db/instance.hpp"
#include "narthex/db/regions.hpp"

#include <gtest/gtest.h>

namespace narthex::test {
namespace {

class Instance : public testing::Test {
  protected:
    db::Instance read() {
        db::Instance out;
        connection_.read([&](db::Tx& tx) { out = db::read_instance(tx); });
        return out;
    }

    std::string refusal() {
        try {
            connection_.write([](db::Tx& tx) { db::delete_region(tx, "eu1"); });
        } catch (const db::NotPrimary& error) {
            return error.what();
        }
        return "(none)";
    }

    TestDatabase database_;
    db::Connection connection_{database_.uri(), db::Session::work};
};

TEST_F(Instance, IsAPrimaryWhenItIsNew) {
    const auto instance = read();
    EXPECT_EQ(instance.role, db::InstanceRole::primary);
    EXPECT_EQ(instance.epoch, 1);
    EXPECT_EQ(instance.id.size(), 36);
    EXPECT_EQ(instance.name, "");
    EXPECT_FALSE(instance.kind || instance.url || instance.primary_url || instance.token);
    EXPECT_EQ(refusal(), "(none)");
}

TEST_F(Instance, SaysWhereToWriteInstead) {
    execute(
        database_.uri(),
        "update instance set role = 'region', name = 'eu1', kind = 'serving', primary_url = "
        "'http://p'"
    );
    EXPECT_EQ(read().role, db::InstanceRole::region);
    EXPECT_EQ(refusal(), "this is region eu1: write on its primary, http://p");
    execute(
        database_.uri(),
        "update instance set role = 'fenced', kind = null, replaced_by = 'http://n', epoch = 2"
    );
    EXPECT_EQ(read().epoch, 2);
    EXPECT_EQ(refusal(), "this primary was replaced by http://n: write there");
}

TEST_F(Instance, HasNoSubscriptionBeforeItJoins) {
    std::optional<std::string> uri = "?";
    connection_.read([&](db::Tx& tx) { uri = db::subscription_uri(tx); });
    EXPECT_FALSE(uri);
}

TEST(RegionName, IsALetterThenLettersDigitsAndLowLines) {
    for (const auto* good : {"a", "eu1", "a_b", "abcdefghijklmnopqrstuvwxyz012345"}) {
        EXPECT_TRUE(db::is_region_name(good)) << good;
        EXPECT_EQ(db::region_of_login(db::region_login(good)), good);
    }
    for (const auto* bad :
         {"", "1eu", "_a", "Eu", "eu-1", "é", "abcdefghijklmnopqrstuvwxyz0123456"}) {
        EXPECT_FALSE(db::is_region_name(bad)) << bad;
    }
    EXPECT_EQ(db::region_of_login("narthex"), "");
}

TEST(LoginUri, KeepsDatabaseAndTlsAlone) {
    EXPECT_EQ(
        db::uri_for(
            "postgresql://me:geheim@db.example:5433/narthex?sslmode=verify-full&options=-c%20a%3Db",
            {"narthex_region_eu1", "p@ss", "", ""}
        ),
        "postgresql://narthex_region_eu1:p%40ss@/"
        "narthex?host=db.example&port=5433&sslmode=verify-full"
        "&connect_timeout=10"
    );
    EXPECT_EQ(
        db::uri_for("host=/run/pg dbname=n user=me", {"r", "p", "::1", "5"}),
        "postgresql://r:p@[::1]:5/n?connect_timeout=10"
    );
    const auto uri = db::uri_for("host=/run/pg dbname='a b' user=me", {"r", "p", "", ""});
    EXPECT_EQ(uri, "postgresql://r:p@/a%20b?host=%2Frun%2Fpg&connect_timeout=10");
    EXPECT_TRUE(db::check_uri(uri));
    EXPECT_EQ(db::user_of(uri), "r");
    EXPECT_EQ(db::password_of(uri), "p");
}

}  // namespace
}  // namespace narthex::test
