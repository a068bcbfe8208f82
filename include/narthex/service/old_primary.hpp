// The primary that this one replaced without asking it (replica promote --force-unfenced): until it
// was told, the subscription is kept as the way there.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/primary_connection.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace narthex::service {

struct OldPrimary {
    std::string uri;
    std::int64_t epoch;     // of the one that replaced it
    std::string successor;  // where to write instead, for its messages
};

// Absent: there is none, or it was told. `here`: of the new primary. Throws what db throws.
[[nodiscard]] std::optional<OldPrimary> find_old_primary(db::Connection& here);

// From its return on the old primary writes nothing, and isn't asked again. `there`: as the region
// that this one was. Throws what both throw; QueryFailed with an SQLSTATE of NX...: it refused.
void fence_old_primary(
    db::Connection& here, db::PrimaryConnection& there, const OldPrimary& old_primary
);

// Gives it up: nobody tells it any more. Throws what db throws.
void forget_old_primary(
    db::Connection& here, const OldPrimary& old_primary, const std::string& who
);

}  // namespace narthex::service
