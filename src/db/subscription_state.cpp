#include "narthex/db/subscription_state.hpp"

#include "pqxx.hpp"

#include "narthex/db/instance.hpp"
#include "narthex/db/sql.hpp"

namespace narthex::db {

std::optional<SubscriptionState> subscription_state(Tx& tx) {
    const auto rows = exec(tx, sql::subscription_state, std::string(k_subscription));
    if (rows.empty()) return std::nullopt;
    const auto row = rows[0];
    return SubscriptionState{
        row[0].as<bool>(),
        row[1].as<bool>(),
        row[2].as<std::int64_t>(),
        row[3].as<std::size_t>(),
    };
}

int schema_version(Tx& tx) {
    return exec(tx, sql::schema_version)[0][0].as<int>();
}

}  // namespace narthex::db
