// The schema is what migrations/*.sql make, in order, forward only. Each runs in a transaction of
// its own, together with the row in schema_migration that records it and its checksum.
// All throw Unavailable; SchemaMismatch names what is wrong and what to do.
#pragma once

#include "narthex/db/connection.hpp"

#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace narthex::db {

struct Migration {
    int version;       // 1, 2, ... without gaps
    const char* name;  // 0001_schema
    const char* text;
};

// In order; generated at build time.
[[nodiscard]] std::span<const Migration> embedded_migrations();

class SchemaMismatch : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct MigrateReport {
    int from_version;  // 0: an empty database
    int to_version;
    std::vector<std::string> applied;  // names
};

enum class RegionsFirst {
    required,  // a primary isn't migrated while one of its regions has an older schema
    forced,
};

// Brings the database to the newest version. Concurrent callers wait for each other. Throws
// SchemaMismatch when the database is newer than this program, or has had another text under the
// number of one of our migrations, or when regions have to be migrated first. Where regions were
// invited, what is published to them follows.
MigrateReport migrate(const std::string& uri, RegionsFirst order = RegionsFirst::required);
MigrateReport migrate(
    Connection& connection,
    std::span<const Migration> migrations,
    RegionsFirst order = RegionsFirst::required
);

// Throws SchemaMismatch unless the database has just the migrations of this program.
void require_current_schema(Connection& connection);

}  // namespace narthex::db
