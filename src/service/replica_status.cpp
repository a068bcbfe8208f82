#include "narthex/service/replica_status.hpp"

#include "narthex/db/heartbeats.hpp"
#include "narthex/db/subscription_state.hpp"

#include <algorithm>

namespace narthex::service {

namespace {

// Null where the database's role may not see how the subscription connects.
std::optional<std::string> find_uri(db::Tx& tx) {
    if (!db::find_subscriber_setup(tx).is_superuser) return std::nullopt;
    return db::subscription_uri(tx);
}

// The primary's clock, when it can be asked.
std::optional<double> ask_primary(const std::string& uri, RegionStatus& status) {
    try {
        db::Connection primary(uri, db::Session::work);
        std::optional<double> clock;
        primary.read([&](db::Tx& tx) {
            status.primary = db::read_primary(tx);
            clock = db::read_clock(tx);
        });
        return clock;
    } catch (const std::exception& error) {
        status.unreachable = error.what();
        return std::nullopt;
    }
}

// Absent where the heartbeat is of an earlier primary: its transactions are none of this one's.
std::optional<std::int64_t> transactions_behind(
    const std::optional<db::Primary>& primary, const std::optional<db::Heartbeat>& applied
) {
    if (!primary || !applied || applied->epoch != primary->epoch) return std::nullopt;
    const auto began = primary->next_xid - static_cast<std::int64_t>(applied->xid) - 1;
    return std::max<std::int64_t>(began, 0);
}

}  // namespace

RegionStatus read_region_status(const std::string& database) {
    RegionStatus status;
    db::Connection local(database, db::Session::work);
    std::optional<std::string> uri;
    local.read([&](db::Tx& tx) {
        status.instance = db::read_instance(tx);
        status.schema_version = db::schema_version(tx);
        status.subscription = db::find_subscription(tx);
        if (status.subscription) status.tables = db::list_table_states(tx, *status.subscription);
        uri = find_uri(tx);
    });
    std::optional<double> clock;
    if (uri) {
        status.primary_address = db::describe_address(*uri);
        clock = ask_primary(*uri, status);
    }
    local.read([&](db::Tx& tx) {
        status.heartbeat_age = db::heartbeat_age(tx, clock ? *clock : db::read_clock(tx));
        status.behind_transactions = transactions_behind(status.primary, db::read_heartbeat(tx));
    });
    return status;
}

}  // namespace narthex::service
