#include "narthex/db/audit.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

#include <limits>

namespace narthex::db {

void add_audit(Tx& tx, const Audit& audit) {
    exec(
        tx,
        sql::add_audit,
        audit.who,
        audit.action,
        audit.cache ? std::to_string(*audit.cache) : std::string(),
        audit.subject,
        audit.reason,
        audit.details
    );
}

std::vector<AuditRow> list_audit(
    Tx& tx, int cache, std::int64_t since, std::optional<std::int64_t> before, int most
) {
    const auto end = before.value_or(std::numeric_limits<std::int64_t>::max());
    std::vector<AuditRow> out;
    for (const auto& row : exec(tx, sql::list_audit, cache, since, end, most)) {
        std::optional<int> of;
        if (!row[4].is_null()) of = row[4].as<int>();
        out.push_back({
            row[0].as<std::int64_t>(),
            row[1].as<std::int64_t>(),
            {row[2].as<std::string>(),
             row[3].as<std::string>(),
             of,
             row[5].as<std::string>(),
             row[6].as<std::string>(),
             row[7].as<std::string>()},
        });
    }
    return out;
}

}  // namespace narthex::db
