// Every statement of sql/ fits the schema.
#include "../../src/db/pqxx.hpp"
#include "support/database.hpp"

#include "narthex/db/sql.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace narthex::db {
namespace {

TEST(Sql, prepares_on_the_migrated_schema) {
    const test::TestDatabase database;
    for (const auto session : {Session::work, Session::publishing}) {
        Connection connection(database.uri(), session);
        for (const auto* statement : sql::all()) {
            EXPECT_NO_THROW(connection.write([&](Tx& tx) { prepare(tx, *statement); }))
                << statement->name;
        }
    }
}

TEST(Sql, has_one_statement_for_each_file_under_its_name) {
    std::set<std::string> names;
    for (const auto* statement : sql::all()) names.insert(statement->name);
    std::set<std::string> files;
    const auto directory = std::filesystem::path(NARTHEX_SOURCE_DIR) / "sql";
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
        files.insert(file.path().stem().string());
    }
    EXPECT_EQ(names, files);
    EXPECT_EQ(names.size(), sql::all().size());
}

}  // namespace
}  // namespace narthex::db
