// A statement of sql/*.sql, by the name of its file: what it is prepared as and measured under.
#pragma once

namespace narthex::db {

struct Statement {
    const char* name;
    const char* text;
};

}  // namespace narthex::db
