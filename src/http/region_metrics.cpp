#include "region_metrics.hpp"

#include <array>
#include <functional>
#include <string>

namespace narthex::http {

namespace {

using db::InstanceRole;
using db::RegionStatus;
using prometheus::MetricType;

void add_role(MetricList& out, const db::Instance& instance) {
    constexpr std::array k_roles = {
        InstanceRole::primary, InstanceRole::joining, InstanceRole::region, InstanceRole::fenced};
    out.begin("narthex_instance_role", "1 for what this instance is", MetricType::Gauge);
    for (const auto role : k_roles) {
        out.add_gauge({{"role", std::string(to_string(role))}}, instance.role == role ? 1 : 0);
    }
    out.gauge(
        "narthex_instance_epoch",
        "How often a region was promoted, as far as this instance has heard",
        static_cast<double>(instance.epoch)
    );
}

// --- of a region ---

// Of a region alone: elsewhere the family is empty.
void add_own_gauge(
    MetricList& out, const char* name, const char* help, std::optional<double> value
) {
    out.begin(name, help, MetricType::Gauge);
    if (value) out.add_gauge({}, *value);
}

void add_subscription(MetricList& out, const std::optional<db::SubscriptionState>& state) {
    const auto of = [&](auto member) -> std::optional<double> {
        if (!state) return std::nullopt;
        return static_cast<double>((*state).*member);
    };
    using State = db::SubscriptionState;
    add_own_gauge(
        out,
        "narthex_subscription_enabled",
        "0 when the subscription is switched off",
        of(&State::enabled)
    );
    add_own_gauge(
        out, "narthex_subscription_applying", "1 while its apply worker runs", of(&State::applying)
    );
    add_own_gauge(
        out,
        "narthex_subscription_errors",
        "Errors of the subscription since it was made",
        of(&State::errors)
    );
    add_own_gauge(
        out,
        "narthex_subscription_tables_copying",
        "Tables whose first copy isn't complete",
        of(&State::not_ready)
    );
}

void add_confirmations(MetricList& out, const service::PrimaryLookups::Figures& figures) {
    out.counter(
        "narthex_confirmations_total",
        "Misses that were asked again of the primary, or should have been",
        figures.asked
    );
    out.begin(
        "narthex_confirmed_total",
        "What the primary said of them; the rest couldn't be asked",
        MetricType::Counter
    );
    out.add_counter({{"result", "found"}}, figures.found);
    out.add_counter({{"result", "hidden"}}, figures.hidden);
    out.add_counter({{"result", "absent"}}, figures.absent);
}

void add_freshness(MetricList& out, const RegionFigures& figures, bool is_region) {
    const auto only = [is_region](bool value) -> std::optional<double> {
        if (!is_region) return std::nullopt;
        return value ? 1 : 0;
    };
    std::optional<double> age;
    if (figures.heartbeat_age) age = static_cast<double>(figures.heartbeat_age->count()) / 1e3;
    add_own_gauge(
        out,
        "narthex_up_to_date",
        "1 while what this region lacks is absent; 0: its primary is asked before a 404",
        only(figures.up_to_date)
    );
    add_own_gauge(
        out, "narthex_heartbeat_age_seconds", "How old what this region has is, at most", age
    );
    add_own_gauge(
        out,
        "narthex_uplink_connected",
        "1 while the primary's PostgreSQL answers this region",
        only(figures.uplink.connected)
    );
}

void add_own_counts(MetricList& out, const service::CountSender::Figures& counts) {
    out.counter(
        "narthex_counts_sent_total",
        "Request counts that were brought to the primary, again each time",
        counts.sent
    );
    out.gauge(
        "narthex_counts_unsent",
        "Request counts that the primary didn't have when it was last looked",
        static_cast<double>(counts.unsent)
    );
}

// --- of a primary ---

using Value = std::function<std::optional<double>(const RegionStatus&)>;

void add_each(
    MetricList& out,
    const char* name,
    const char* help,
    const std::vector<RegionStatus>& regions,
    const Value& value
) {
    out.begin(name, help, MetricType::Gauge);
    for (const auto& region : regions) {
        if (const auto number = value(region)) out.add_gauge({{"region", region.name}}, *number);
    }
}

template <class Number>
Value of_slot(Number RegionStatus::Slot::*member) {
    return [member](const RegionStatus& region) -> std::optional<double> {
        if (!region.slot) return std::nullopt;
        return static_cast<double>((*region.slot).*member);
    };
}

// Of a region that has joined and whose slot is gone: an alert that looks at it has to go on.
std::optional<double> without_slot(const RegionStatus& region, double value) {
    if (!region.joined_at || region.left_at) return std::nullopt;
    return value;
}

std::optional<double> slot_active(const RegionStatus& region) {
    if (!region.slot) return without_slot(region, 0);
    return region.slot->active ? 1 : 0;
}

std::optional<double> slot_lost(const RegionStatus& region) {
    if (!region.slot) return without_slot(region, 1);
    return region.slot->wal_status == "lost" ? 1 : 0;
}

void add_slots(MetricList& out, const std::vector<RegionStatus>& regions) {
    using Slot = RegionStatus::Slot;
    add_each(
        out, "narthex_region_slot_active", "1 while the region receives", regions, slot_active
    );
    add_each(
        out,
        "narthex_region_lag_bytes",
        "Bytes of WAL that the region hasn't confirmed",
        regions,
        of_slot(&Slot::lag_bytes)
    );
    add_each(
        out,
        "narthex_region_wal_held_bytes",
        "Bytes of WAL that are kept for the region",
        regions,
        of_slot(&Slot::held_bytes)
    );
    add_each(
        out,
        "narthex_region_slot_lost",
        "1 when WAL that the region needs is gone, or its slot",
        regions,
        slot_lost
    );
}

void add_reports(MetricList& out, const std::vector<RegionStatus>& regions) {
    add_each(
        out,
        "narthex_region_behind_seconds",
        "Since the heartbeat was written that the region has applied, as it said last",
        regions,
        [](const RegionStatus& region) -> std::optional<double> {
            return region.report ? region.report->seconds_behind : std::nullopt;
        }
    );
    add_each(
        out,
        "narthex_region_errors",
        "Errors of the region's subscription, as it said last",
        regions,
        [](const RegionStatus& region) -> std::optional<double> {
            if (!region.report) return std::nullopt;
            return static_cast<double>(region.report->errors);
        }
    );
    add_each(
        out,
        "narthex_region_troubled",
        "1 when the region said that something is wrong",
        regions,
        [](const RegionStatus& region) -> std::optional<double> {
            if (!region.report) return std::nullopt;
            return region.report->trouble.empty() ? 0 : 1;
        }
    );
}

}  // namespace

void add_regions(MetricList& out, const RegionFigures& figures) {
    const auto role = figures.instance.role;
    add_role(out, figures.instance);
    add_confirmations(out, figures.confirmed);
    add_freshness(out, figures, role == InstanceRole::region || role == InstanceRole::joining);
    add_subscription(out, figures.uplink.subscription);
    add_own_counts(out, figures.counts);
    out.gauge(
        "narthex_regions_silent",
        "Regions that didn't say their epoch when they were asked last",
        static_cast<double>(figures.silent_regions)
    );
    add_slots(out, figures.regions);
    add_reports(out, figures.regions);
}

}  // namespace narthex::http
