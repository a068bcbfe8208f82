// Who changed what must live or what is served, when and why. Functions take a transaction and
// never commit: what is rolled back has not happened.
#pragma once

#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narthex::db {

struct Audit {
    std::string who;             // $NARTHEX_WHO or the caller's login name; "token NAME"
    std::string action;          // "root add", "gc hide"
    std::optional<int> cache;    // absent: of the server
    std::string subject;         // the root's, channel's or plan's name
    std::string reason;          // as it was given; may be empty
    std::string details = "{}";  // a JSON object
};

void add_audit(Tx& tx, const Audit& audit);

struct AuditRow {
    std::int64_t id;
    std::int64_t at;  // seconds since 1970
    Audit audit;
};
// The newest ones first: at most `most` of those of a cache, and of none, that are not older than
// `since` and come before `before` (an id; absent: the newest).
[[nodiscard]] std::vector<AuditRow> list_audit(
    Tx& tx, int cache, std::int64_t since, std::optional<std::int64_t> before, int most
);

}  // namespace narthex::db
