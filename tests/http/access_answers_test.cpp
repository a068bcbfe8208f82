#include "narthex/http/access_answers.hpp"

#include <gtest/gtest.h>

namespace narthex::http {
namespace {

bool has(const Answer& answer, const std::string& line) {
    return answer.head->find("\r\n" + line + "\r\n") != std::string::npos;
}

TEST(Denied, is_401_without_a_good_token_and_says_how_to_show_one) {
    for (const auto why : {Denial::no_token, Denial::unknown, Denial::expired, Denial::revoked}) {
        const auto answer = denied(why, Scope::read);
        EXPECT_EQ(answer.status, 401);
        EXPECT_TRUE(has(answer, "WWW-Authenticate: Basic realm=\"narthex\""));
        EXPECT_TRUE(answer.body->starts_with("401: "));
        EXPECT_EQ(answer.body->find('\n'), answer.body->size() - 1);
    }
}

TEST(Denied, is_403_with_a_token_that_is_for_something_else) {
    for (const auto why : {Denial::wrong_scope, Denial::other_cache}) {
        const auto answer = denied(why, Scope::publish);
        EXPECT_EQ(answer.status, 403);
        EXPECT_EQ(answer.head->find("WWW-Authenticate"), std::string::npos);
    }
    EXPECT_NE(denied(Denial::wrong_scope, Scope::gc).body->find("gc"), std::string::npos);
}

TEST(Denied, is_503_while_nobody_knows) {
    const auto answer = denied(Denial::unconfirmed, Scope::read);
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(has(answer, "Retry-After: 5"));
}

TEST(Private, keeps_the_age_and_takes_the_proxies_out) {
    auto answer = text_answer(404, "404: not here");
    add_field(answer, "Cache-Control", "public, max-age=60");
    const auto before = answer.head;
    make_private(answer);
    EXPECT_TRUE(has(answer, "Cache-Control: private, max-age=60"));
    EXPECT_NE(before->find("public"), std::string::npos) << "the shared head is another's";
    const auto after = *answer.head;
    make_private(answer);
    EXPECT_EQ(*answer.head, after);
}

TEST(Private, says_so_where_nothing_is_said_and_leaves_what_is_stricter) {
    auto silent = text_answer(200, "ok");
    make_private(silent);
    EXPECT_TRUE(has(silent, "Cache-Control: private"));
    auto strict = text_answer(404, "404: not here");
    add_field(strict, "Cache-Control", "no-store");
    make_private(strict);
    EXPECT_TRUE(has(strict, "Cache-Control: no-store"));
    EXPECT_EQ(strict.head->find("private"), std::string::npos);
}

}  // namespace
}  // namespace narthex::http
