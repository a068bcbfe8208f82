// A primary's regions: who may copy it, and how far they are. Functions take a transaction and
// never commit. Roles and slots belong to the whole cluster: those named narthex_region_* are
// narthex's.
#pragma once

#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::db {

// [a-z][a-z0-9_]{0,31}
[[nodiscard]] bool is_region_name(std::string_view name);

// The role that it connects as, and its slot.
[[nodiscard]] std::string region_login(std::string_view name);

// Of a login; empty when it is no region's.
[[nodiscard]] std::string region_of_login(std::string_view login);

struct PrimarySetup {
    int version;  // 150020
    std::string wal_level;
    bool may_invite;     // roles that replicate can be made by us, and changed by region_accept
    bool wal_unlimited;  // that slots may hold
};
[[nodiscard]] PrimarySetup find_primary_setup(Tx& tx);

// Publications and the regions' common role, as the tables' comments want them. Again: no change.
void prepare_for_regions(Tx& tx);

// The same where regions were invited before; else nothing. For whoever has changed the schema.
void renew_publications(Tx& tx);

void set_instance_url(Tx& tx, const std::string& url);

enum class InviteFate {
    invited,
    joined_already,
    role_taken,  // a role of that name is there, and isn't of this primary
};
// `verifier`: of its password, SCRAM's. `until`: seconds since 1970.
[[nodiscard]] InviteFate invite_region(
    Tx& tx, const std::string& name, const std::string& verifier, std::int64_t until
);

// How PostgreSQL keeps a password (RFC 5802): what may be seen in its log. Connects for a moment,
// throws Unavailable.
[[nodiscard]] std::string scram_verifier(
    const std::string& uri, const std::string& login, const std::string& password
);

struct ListedRegion {
    std::string name;
    std::string state;  // invited, expired, joined, left
    std::optional<std::string> kind;
    std::optional<std::string> url;
    std::int64_t invite_until;  // seconds since 1970, as the next
    std::optional<std::int64_t> joined_at;
    std::optional<bool> connected;  // absent: it has no slot
    std::optional<std::string> wal_status;
    std::optional<std::int64_t> behind_bytes;
    std::optional<std::int64_t> held_bytes;  // of WAL
    std::optional<std::int64_t> safe_bytes;  // more WAL, and the slot is lost; absent: no limit
    // As it said itself.
    std::optional<double> reported_ago;    // seconds
    std::optional<double> behind_seconds;  // by now: since what it had applied was written
    std::optional<std::int64_t> behind_transactions;
    std::optional<int> schema_version;
    std::optional<std::int64_t> errors;
    std::optional<std::string> trouble;
};
// By name.
[[nodiscard]] std::vector<ListedRegion> list_regions(Tx& tx);

// Names of those that said goodbye and are still to be removed.
[[nodiscard]] std::vector<std::string> list_left_regions(Tx& tx);

// From its commit on the region can't connect. Its slots, by name; absent: there is no such region.
[[nodiscard]] std::optional<std::vector<std::string>> lock_region_out(
    Tx& tx, const std::string& name
);

// To be called, each time in a transaction of its own, until it is true: ends what the region has
// connected, drops its slots once nobody uses them, and then its role.
[[nodiscard]] bool try_close_region(
    Tx& tx, const std::string& name, std::span<const std::string> slots
);

// Its row, its token, what it has reported; its counts stay.
void delete_region(Tx& tx, const std::string& name);

}  // namespace narthex::db
