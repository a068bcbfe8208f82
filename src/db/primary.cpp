#include "narthex/db/primary.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"
#include "narthex/db/subscription.hpp"

namespace narthex::db {

namespace {

template <class T>
std::optional<T> optional_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<T>();
}

}  // namespace

Primary read_primary(Tx& tx) {
    const auto row = exec(tx, sql::find_primary)[0];
    return {
        row[0].as<int>(),
        row[1].as<std::string>(),
        row[2].as<std::string>(),
        parse_instance_role(row[3].as<std::string>()),
        row[4].as<std::int64_t>(),
        optional_of<std::string>(row[5]),
        row[6].as<int>(),
        optional_of<std::string>(row[7]),
        optional_of<std::string>(row[8]),
        row[9].as<bool>(),
        optional_of<bool>(row[10]),
        optional_of<std::string>(row[11]),
        optional_of<std::int64_t>(row[13]),
        optional_of<std::int64_t>(row[14]),
        row[15].as<std::int64_t>(),
    };
}

void accept_region(Tx& tx, const Acceptance& acceptance) {
    exec(
        tx,
        sql::accept_region,
        acceptance.instance,
        acceptance.system_identifier,
        acceptance.subscription,
        acceptance.kind,
        acceptance.url,
        acceptance.verifier,
        bytea(acceptance.token.bytes())
    );
}

void create_region_slot(Tx& tx) {
    exec(tx, sql::create_region_slot);
}

bool try_drop_own_slots(Tx& tx, const Subscription& subscription) {
    std::vector<std::string> names;
    const auto rows = exec(
        tx,
        sql::list_own_slots,
        std::to_string(subscription.id),
        std::to_string(subscription.system_identifier)
    );
    for (const auto& row : rows) {
        names.push_back(row[0].as<std::string>());
    }
    exec(tx, sql::drop_slots, text_array(names));
    return !exec(tx, sql::slots_exist, text_array(names))[0][0].as<bool>();
}

bool is_slot_past(Tx& tx, const std::string& position) {
    const auto rows = exec(tx, sql::is_slot_past, position);
    return !rows.empty() && !rows[0][0].is_null() && rows[0][0].as<bool>();
}

void leave_region(Tx& tx) {
    exec(tx, sql::leave_region);
}

std::string fence_primary(Tx& tx, std::int64_t new_epoch, const std::string& new_primary) {
    return exec(tx, sql::fence_primary, new_epoch, new_primary)[0][0].as<std::string>();
}

std::map<std::string, TableSize> table_sizes(Tx& tx, const std::string& kind) {
    std::map<std::string, TableSize> out;
    for (const auto& row : exec(tx, sql::table_sizes, text_array(publications_of(kind)))) {
        out[row[0].as<std::string>()] = {row[1].as<std::int64_t>(), row[2].as<std::int64_t>()};
    }
    return out;
}

std::vector<std::string> publications_of(const std::string& kind) {
    if (kind == "full") return {"narthex_serve", "narthex_full"};
    return {"narthex_serve"};
}

}  // namespace narthex::db
