// A database that is a region's of another one, as far as rows go: nothing flows between them by
// itself.
#pragma once

#include "support/database.hpp"

#include <string>

namespace narthex::test {

// Of the test cluster's owner: what region_* finds the region by.
inline void add_region(const std::string& primary, const std::string& name) {
    execute(
        primary,
        "insert into region (name, login, kind, instance, invite_until, joined_at)"
        " values ('" +
            name + "', session_user, 'serving', gen_random_uuid(), now(), now())"
    );
}

inline void become_region(const std::string& uri, const std::string& name = "eu1") {
    execute(
        uri,
        "update instance set role = 'region', kind = 'serving', name = '" + name +
            "', primary_url = 'http://primary.example'"
    );
}

// What the apply worker would do: a trigger refuses everybody else.
inline void apply(const std::string& uri, const std::string& statements) {
    execute(uri, "set session_replication_role = replica; " + statements);
}

// A heartbeat of so long ago.
inline void apply_heartbeat(const std::string& uri, const std::string& age) {
    test::apply(  // not std::apply
        uri,
        "insert into heartbeat values"
        " (true, clock_timestamp() - interval '" +
            age +
            "', pg_current_xact_id(), 1, 8)"
            " on conflict (only_one) do update set at = excluded.at, xid = excluded.xid"
    );
}

}  // namespace narthex::test
