#include "narthex/db/subscription.hpp"

#include "libpq.hpp"
#include "spelled.hpp"

#include "narthex/db/primary.hpp"
#include "narthex/db/regions.hpp"
#include "narthex/db/sql.hpp"

#include <chrono>

namespace narthex::db {

namespace {

// A copy brings none of them. They are absolute values under the region's name: what one primary
// had another may lack, and sent twice they count once.
void keep_own_counts(Tx& tx, const std::string& name) {
    const auto before = read_instance(tx).name;
    const bool of_another = !before.empty() && before != name;
    exec(tx, of_another ? sql::empty_own_counts : sql::send_own_counts_again);
}

}  // namespace

SubscriberSetup find_subscriber_setup(Tx& tx) {
    const auto row = exec(tx, sql::find_subscriber_setup)[0];
    return {row[0].as<int>(), row[1].as<bool>()};
}

OwnRows find_own_rows(Tx& tx) {
    OwnRows out;
    const auto spelled = exec(tx, sql::spell_rows_there)[0][0].as<std::string>();
    for (const auto& row : tx.transaction.exec(spelled)) {
        out.tables.push_back(row[0].as<std::string>());
    }
    for (const auto& row : exec(tx, sql::changed_caches)) {
        out.caches.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
    }
    return out;
}

void begin_joining(Tx& tx, const Joining& joining) {
    keep_own_counts(tx, joining.name);
    exec(tx, sql::act_as_replica);
    exec(
        tx,
        sql::begin_joining,
        joining.name,
        joining.kind,
        joining.url,
        joining.primary_url,
        joining.epoch,
        joining.token
    );
    exec_spelled(tx, sql::spell_empty_tables);
    exec_spelled(tx, sql::spell_hearing, std::string("disable"));
    exec_spelled(
        tx,
        sql::spell_subscription,
        joining.uri,
        region_login(joining.name),
        text_array(publications_of(joining.kind))
    );
}

void end_joining(Tx& tx) {
    exec_spelled(tx, sql::spell_hearing, std::string("enable always"));
    exec(tx, sql::end_joining);
    exec(tx, sql::tell_everything_changed);
}

void detach_subscription(Tx& tx) {
    exec(tx, sql::disable_subscription);
    exec(tx, sql::detach_subscription);
}

void drop_subscription(Tx& tx) {
    if (!find_subscription(tx)) return;
    detach_subscription(tx);
    exec(tx, sql::drop_subscription);
}

void become_primary(Tx& tx, std::int64_t epoch) {
    const auto name = read_instance(tx).name;
    exec(tx, sql::become_primary, epoch);
    exec_spelled(tx, sql::spell_sequences);
    exec(tx, sql::reset_change_xids);
    exec(tx, sql::reset_plan_snapshots);
    exec(tx, sql::adopt_own_counts, name);
    exec(tx, sql::forget_regions);
}

std::int64_t next_epoch(Tx& tx) {
    return exec(tx, sql::next_epoch)[0][0].as<std::int64_t>();
}

std::optional<std::int64_t> heartbeat_time(Tx& tx) {
    const auto rows = exec(tx, sql::find_heartbeat_time);
    if (rows.empty()) return std::nullopt;
    return rows[0][0].as<std::int64_t>();
}

void become_empty(Tx& tx) {
    exec(tx, sql::act_as_replica);
    exec(tx, sql::become_empty);
    exec(tx, sql::empty_own_counts);
    exec_spelled(tx, sql::spell_empty_tables);
    exec_spelled(tx, sql::spell_hearing, std::string("enable always"));
    exec(tx, sql::insert_first_cache);
}

std::optional<Subscription> find_subscription(Tx& tx) {
    const auto rows = exec(tx, sql::find_subscription, std::string(k_subscription));
    if (rows.empty()) return std::nullopt;
    const auto row = rows[0];
    return Subscription{
        row[0].as<std::int64_t>(),
        row[1].as<bool>(),
        row[2].is_null() ? "" : row[2].as<std::string>(),
        row[3].as<std::int64_t>(),
        row[4].as<bool>(),
        row[5].as<std::int64_t>(),
    };
}

void enable_subscription(Tx& tx) {
    exec(tx, sql::enable_subscription);
}

void disable_subscription(Tx& tx) {
    exec(tx, sql::disable_subscription);
}

void refresh_subscription(const std::string& uri) {
    constexpr std::chrono::seconds k_limit(60);
    Libpq(uri, Session::work, k_limit).run(sql::refresh_subscription.text);
}

std::vector<TableState> list_table_states(Tx& tx, const Subscription& subscription) {
    std::vector<TableState> out;
    for (const auto& row : exec(tx, sql::list_table_states, subscription.id)) {
        out.push_back({row[0].as<std::string>(), row[1].c_str()[0], row[2].as<std::int64_t>()});
    }
    return out;
}

double read_clock(Tx& tx) {
    return exec(tx, sql::clock)[0][0].as<double>();
}

std::optional<double> heartbeat_age(Tx& tx, double clock) {
    const auto rows = exec(tx, sql::find_heartbeat_age, clock);
    if (rows.empty()) return std::nullopt;
    return rows[0][0].as<double>();
}

void analyze(Tx& tx) {
    exec(tx, sql::analyze);
}

}  // namespace narthex::db
