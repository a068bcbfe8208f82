#include "support/database.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/service/access.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace narthex::service {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds k_patience(30);

// As a server has it.
struct ReadAccess {
    explicit ReadAccess(const std::string& uri) : access(uri), watch({uri, {&access}, {}, {}}) {}
    operator const Access&() const { return access; }

    Access access;
    DatabaseWatch watch;
};

class AccessTest : public testing::Test {
  protected:
    // Its Authorization field.
    std::string make(const std::string& name, const std::string& scopes = "{read}") {
        const auto token = generate_token();
        test::execute(
            database_.uri(),
            "insert into token (name, hash, scopes) values ('" + name + "', '\\x" +
                to_hex(hash_token(token)->bytes()) + "', '" + scopes + "')"
        );
        return "Bearer " + token;
    }
    void revoke(const std::string& name) {
        test::execute(
            database_.uri(), "update token set revoked_at = now() where name = '" + name + "'"
        );
    }

    test::TestDatabase database_;
};

std::string verdict(const Access& access, const std::string& field, Scope scope = Scope::read) {
    const auto decision = access.check(field, 1, scope);
    if (const auto* grant = std::get_if<Grant>(&decision)) return grant->name;
    switch (std::get<Denial>(decision)) {
        case Denial::no_token:
            return "(no token)";
        case Denial::unknown:
            return "(unknown)";
        case Denial::expired:
            return "(expired)";
        case Denial::revoked:
            return "(revoked)";
        case Denial::wrong_scope:
            return "(wrong scope)";
        case Denial::other_cache:
            return "(other cache)";
        case Denial::unconfirmed:
            return "(unconfirmed)";
    }
    return "";
}

// How long it took.
Clock::duration wait_for(
    const Access& access, const std::string& field, const std::string& wanted
) {
    const auto start = Clock::now();
    while (verdict(access, field) != wanted) {
        if (Clock::now() - start > k_patience) {
            ADD_FAILURE() << "still " << verdict(access, field) << ", not " << wanted;
            break;
        }
        std::this_thread::yield();
    }
    return Clock::now() - start;
}

TEST_F(AccessTest, names_who_is_granted_and_why_others_are_not) {
    const auto reader = make("reader");
    const ReadAccess access(database_.uri());
    EXPECT_EQ(verdict(access, reader), "reader");
    EXPECT_EQ(verdict(access, reader, Scope::publish), "(wrong scope)");
    EXPECT_EQ(verdict(access, ""), "(no token)");
    EXPECT_EQ(verdict(access, "Bearer " + generate_token()), "(unknown)");
    EXPECT_EQ(verdict(access, "nonsense"), "(unknown)");
}

TEST_F(AccessTest, follows_what_changes_within_a_second_though_nobody_tells) {
    const ReadAccess access(database_.uri());
    const auto late = make("late");
    EXPECT_LT(wait_for(access, late, "late"), std::chrono::seconds(1));
    revoke("late");
    EXPECT_LT(wait_for(access, late, "(revoked)"), std::chrono::seconds(1));
}

TEST_F(AccessTest, follows_at_once_when_it_is_told) {
    ReadAccess access(database_.uri());
    const auto late = make("late");
    access.watch.read_soon();
    wait_for(access, late, "late");
}

TEST_F(AccessTest, ends_with_its_time) {
    const auto token = make("short");
    test::execute(database_.uri(), "update token set expires_at = now() + interval '1 second'");
    const ReadAccess access(database_.uri());
    wait_for(access, token, "(expired)");
}

TEST_F(AccessTest, grants_nothing_that_it_could_not_confirm_for_a_second) {
    const auto token = make("reader");
    const ReadAccess access(database_.uri());
    EXPECT_EQ(verdict(access, token), "reader");
    test::execute(database_.uri(), "alter table token rename to token_away");
    EXPECT_LT(wait_for(access, token, "(unconfirmed)"), std::chrono::milliseconds(1500));
    EXPECT_EQ(verdict(access, ""), "(no token)");
    test::execute(database_.uri(), "alter table token_away rename to token");
    wait_for(access, token, "reader");
}

TEST_F(AccessTest, stores_the_last_uses_when_it_ends) {
    const auto used = make("used");
    const auto unused = make("unused");
    {
        const ReadAccess access(database_.uri());
        EXPECT_EQ(verdict(access, used), "used");
        EXPECT_EQ(verdict(access, unused, Scope::gc), "(wrong scope)");
    }
    EXPECT_EQ(
        test::query(
            database_.uri(),
            "select string_agg(name || ' ' || (now() - used_at < interval '1 minute'), ',')"
            " from token_use join token on id = token"
        ),
        "used true"
    );
}

}  // namespace
}  // namespace narthex::service
