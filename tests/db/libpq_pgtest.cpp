// Waits have an end, whatever PostgreSQL does.
#include "../../src/db/libpq.hpp"
#include "support/database.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace narthex::db {
namespace {

using namespace std::chrono_literals;

TEST(Libpq, gives_up_a_statement_without_an_answer) {
    const test::TestDatabase database;
    Libpq connection(database.uri(), Session::work, 200ms);
    connection.run("set application_name = 'here'");
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_THROW(connection.run("do $$ begin perform pg_sleep(20); end $$"), Unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
}

TEST(Libpq, says_what_is_refused_and_goes_on) {
    const test::TestDatabase database;
    Libpq connection(database.uri(), Session::work, 10s);
    EXPECT_THROW(connection.run("drop table nowhere"), QueryFailed);
    connection.run("set application_name = 'here'");
}

}  // namespace
}  // namespace narthex::db
