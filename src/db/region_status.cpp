#include "narthex/db/region_status.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

namespace narthex::db {

namespace {

template <class Value>
std::optional<Value> value_or_none(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<Value>();
}

std::optional<RegionStatus::Report> to_report(const pqxx::row& row) {
    if (row[7].is_null()) return std::nullopt;
    return RegionStatus::Report{
        row[7].as<std::int64_t>(),
        row[8].as<std::int64_t>(),
        row[9].as<int>(),
        value_or_none<double>(row[10]),
        value_or_none<std::int64_t>(row[11]),
        row[12].as<std::int64_t>(),
        row[13].as<std::string>(),
    };
}

std::optional<RegionStatus::Slot> to_slot(const pqxx::row& row) {
    if (row[14].is_null()) return std::nullopt;
    return RegionStatus::Slot{
        row[14].as<bool>(),
        row[15].as<std::string>(),
        row[16].as<std::int64_t>(),
        row[17].as<std::int64_t>(),
    };
}

}  // namespace

std::vector<RegionStatus> list_region_status(Tx& tx) {
    std::vector<RegionStatus> regions;
    for (const auto& row : exec(tx, sql::list_region_status)) {
        regions.push_back({
            row[0].as<std::string>(),
            row[1].as<std::string>(),
            value_or_none<std::string>(row[2]),
            value_or_none<std::string>(row[3]),
            row[4].as<std::int64_t>(),
            value_or_none<std::int64_t>(row[5]),
            value_or_none<std::int64_t>(row[6]),
            to_report(row),
            to_slot(row),
        });
    }
    return regions;
}

bool drop_idle_slot(Tx& tx, const std::string& slot) {
    return !exec(tx, sql::drop_idle_slot, slot).empty();
}

bool fence(Tx& tx, std::int64_t epoch, const std::string& new_primary) {
    return exec(tx, sql::fence_instance, epoch, new_primary).affected_rows() > 0;
}

}  // namespace narthex::db
