// Connection strings: what narthex adds to a user's own. Layer db's own.
#pragma once

#include "narthex/db/connection.hpp"

#include <chrono>
#include <string>

namespace narthex::db {

// `uri`, which has passed check_uri, with the settings of `session` and with limits on how long a
// silent host is waited for, unless it has its own: as libpq's keyword=value. A session that isn't
// `work` waits for a connection for three seconds at most all the same.
// `limit`: how long a statement of a serving session may take.
[[nodiscard]] std::string with_session(
    const std::string& uri,
    Session session,
    std::chrono::milliseconds limit = std::chrono::seconds(5)
);

}  // namespace narthex::db
