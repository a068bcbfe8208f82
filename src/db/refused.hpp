// What the database's refusals become, whichever library brings them. Layer db's own.
#pragma once

#include <string>

namespace narthex::db {

// `line`: the first of PostgreSQL's text. Throws NotPrimary or QueryFailed.
[[noreturn]] void throw_refused(const std::string& line, const std::string& sqlstate);

}  // namespace narthex::db
