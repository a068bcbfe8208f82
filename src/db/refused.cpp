#include "refused.hpp"

#include "narthex/db/connection.hpp"

#include <string_view>

namespace narthex::db {

void throw_refused(const std::string& line, const std::string& sqlstate) {
    constexpr std::string_view k_not_primary = "NX001";  // migrations/0008_regions.sql
    constexpr std::string_view k_severity = "ERROR:  ";  // PostgreSQL's; the rest is our own text
    if (sqlstate != k_not_primary) throw QueryFailed(line, sqlstate);
    throw NotPrimary(line.starts_with(k_severity) ? line.substr(k_severity.size()) : line);
}

}  // namespace narthex::db
