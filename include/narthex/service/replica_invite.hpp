// Inviting regions to a primary, and removing them.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/db/connection.hpp"

#include <cstdint>
#include <string>

namespace narthex::service {

struct InviteOptions {
    std::string name;
    std::string url;  // where clients reach this primary; empty: as it was said last
    // What the region's URI is made of: database, TLS and, unless they are given, host and port.
    std::string base_uri;
    std::string host;
    std::string port;
    std::int64_t until;  // seconds since 1970
    std::string who;
};

struct Invite {
    std::string uri;     // with the only copy of its password
    bool wal_unlimited;  // a region that is away can fill the primary's disk
};

// What the region joins with. The region's role, and what
// all regions need, is there then. A name that was invited before and hasn't joined gets another
// password. `database` is the URI of `connection`. Throws what db throws.
[[nodiscard]] Result<Invite> invite_region(
    db::Connection& connection, const std::string& database, const InviteOptions& options
);

// Ends what it has connected, drops its slots, its role, its token and its row. What it has counted
// stays. Takes a second or so; throws what db throws.
[[nodiscard]] Result<void> remove_region(
    db::Connection& connection, const std::string& name, const std::string& who
);

// Those that said goodbye.
[[nodiscard]] Result<void> remove_left_regions(db::Connection& connection, const std::string& who);

// Their roles and slots alone: of a primary that is about to become something else.
[[nodiscard]] Result<void> close_all_regions(db::Connection& connection);

}  // namespace narthex::service
