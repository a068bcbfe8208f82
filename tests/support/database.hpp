// A real PostgreSQL for tests: one throw-away cluster a process, one database a test.
// The cluster is made when first asked for, in a fresh directory under $TMPDIR or /tmp, without
// fsync; it is stopped and removed when the process ends, however it ends.
#pragma once

#include <string>

namespace narthex::db {
class Cluster;
}

namespace narthex::test {

enum class Template {
    migrated,  // narthex's schema
    empty,
};

class TestDatabase {
  public:
    explicit TestDatabase(Template content = Template::migrated);
    ~TestDatabase();
    TestDatabase(const TestDatabase&) = delete;
    TestDatabase& operator=(const TestDatabase&) = delete;

    // Connection string for libpq and libpqxx.
    [[nodiscard]] const std::string& uri() const { return uri_; }
    [[nodiscard]] const std::string& name() const { return name_; }

    // What all test databases are in.
    [[nodiscard]] static db::Cluster& cluster();

  private:
    std::string name_;
    std::string uri_;
};

// Runs statements without parameters in the database of `uri`; throws std::runtime_error.
void execute(const std::string& uri, const std::string& statements);

// The first column of the first row.
[[nodiscard]] std::string query(const std::string& uri, const std::string& statement);

}  // namespace narthex::test
