#include "narthex/http/region_json.hpp"

#include "narthex/http/root_json.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <optional>

namespace narthex::http {

namespace {

using nlohmann::json;

template <class Value>
json or_null(const std::optional<Value>& value) {
    return value ? json(*value) : json(nullptr);
}

json slot_json(const std::optional<db::RegionStatus::Slot>& slot) {
    if (!slot) return nullptr;
    return {
        {"active", slot->active},
        {"wal_status", slot->wal_status},
        {"behind_bytes", slot->lag_bytes},
        {"held_bytes", slot->held_bytes},
    };
}

json report_json(const std::optional<db::RegionStatus::Report>& report) {
    if (!report) return nullptr;
    json behind;
    if (report->seconds_behind) behind = std::llround(*report->seconds_behind * 1000);
    return {
        {"at", json_time(report->at)},
        {"epoch", report->epoch},
        {"schema_version", report->schema_version},
        {"behind_ms", behind},
        {"behind_transactions", or_null(report->transactions_behind)},
        {"errors", report->errors},
        {"trouble", report->trouble},
    };
}

}  // namespace

json region_json(const db::RegionStatus& region) {
    return {
        {"region", region.name},
        {"kind", or_null(region.kind)},
        {"url", or_null(region.url)},
        {"joined_at", json_time(region.joined_at)},
        {"left_at", json_time(region.left_at)},
        {"slot", slot_json(region.slot)},
        {"report", report_json(region.report)},
    };
}

}  // namespace narthex::http
