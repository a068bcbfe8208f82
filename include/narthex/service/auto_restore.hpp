// Restoring what is missed: a hidden path that was asked for often enough is served again with all
// that it needs (docs/decisions/0007-collecting.md).
#pragma once

#include "narthex/core/path_key.hpp"
#include "narthex/db/connection.hpp"

#include <cstdint>
#include <span>

namespace narthex::service {

// Of `asked`, what is hidden and was asked for at least `requests` times since. Each that is
// restored is in the audit log and in the server's. What can't be, since something that it needs
// has been purged, stays hidden. Throws what db throws.
void restore_missed(
    db::Connection& connection, std::span<const PathKey> asked, std::uint64_t requests
);

}  // namespace narthex::service
