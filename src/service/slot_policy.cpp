#include "narthex/service/slot_policy.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/audit.hpp"
#include "narthex/service/log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::service {

namespace {

// False when somebody has begun to use it.
bool drop(db::Connection& connection, const db::RegionStatus& region, const std::string& why) {
    bool dropped = false;
    connection.write([&](db::Tx& tx) {
        dropped = db::drop_idle_slot(tx, region.login);
        if (!dropped) return;
        db::Audit audit;
        audit.who = "serve";
        audit.action = "region drop-slot";
        audit.subject = region.name;
        audit.reason = why;
        db::add_audit(tx, audit);
    });
    return dropped;
}

}  // namespace

std::optional<std::string> why_dropped(
    const SlotQuestion& question, std::chrono::hours drop_after
) {
    if (question.lost) return "it has lost WAL that the region needs (max_slot_wal_keep_size)";
    if (question.active || drop_after.count() == 0) return std::nullopt;
    if (question.unused_for < drop_after) return std::nullopt;
    return fmt::format(
        "nobody has used it for {} hours (region-drop-after-hours is {})",
        std::chrono::floor<std::chrono::hours>(question.unused_for).count(),
        drop_after.count()
    );
}

SlotPolicy::SlotPolicy(std::chrono::hours drop_after, std::chrono::seconds patience)
    : drop_after_(drop_after), patience_(patience) {}

// Since it was last seen in use, or its region said anything, or joined.
std::chrono::seconds SlotPolicy::unused_for(
    const db::RegionStatus& region, Clock::time_point now, std::int64_t now_1970
) const {
    if (now - since_ < patience_) return std::chrono::seconds(0);
    auto heard = region.joined_at.value_or(now_1970);
    if (region.report) heard = std::max(heard, region.report->at);
    const std::chrono::seconds unheard(std::max<std::int64_t>(now_1970 - heard, 0));
    const auto at = active_at_.find(region.login);
    if (at == active_at_.end()) return unheard;
    return std::min(unheard, std::chrono::floor<std::chrono::seconds>(now - at->second));
}

void SlotPolicy::apply(
    db::Connection& connection,
    std::span<const db::RegionStatus> regions,
    Clock::time_point now,
    std::int64_t now_1970
) {
    for (const auto& region : regions) {
        if (!region.slot) continue;
        if (region.slot->active) active_at_[region.login] = now;
        const SlotQuestion question{
            region.slot->active,
            region.slot->wal_status == "lost",
            unused_for(region, now, now_1970)};
        const auto why = why_dropped(question, drop_after_);
        if (!why || !drop(connection, region, *why)) continue;
        log_warn(
            "event=region_slot_dropped region={} held_bytes={} reason={} hint=\"'narthex replica "
            "join' there makes a fresh copy\"",
            region.name,
            region.slot->held_bytes,
            log_text(*why)
        );
    }
}

}  // namespace narthex::service
