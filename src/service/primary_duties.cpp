#include "narthex/service/primary_duties.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/heartbeats.hpp"
#include "narthex/db/subscription.hpp"
#include "narthex/service/replica_invite.hpp"
#include "narthex/service/replica_promote.hpp"

#include <spdlog/spdlog.h>

namespace narthex::service {

namespace {

constexpr std::chrono::milliseconds k_turn(500);
constexpr std::chrono::seconds k_look_interval(5);
constexpr std::chrono::seconds k_slot_interval(60);
// A region that can't be reached keeps nobody from publishing.
constexpr std::chrono::seconds k_longest_hold(3);
// In the audit log.
constexpr std::string_view k_who = "serve";

std::vector<std::string> urls_of(const std::vector<db::RegionStatus>& regions) {
    std::vector<std::string> urls;
    for (const auto& region : regions) {
        if (region.joined_at && !region.left_at && region.url) urls.push_back(*region.url);
    }
    return urls;
}

std::int64_t seconds_since_1970() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

PrimaryDuties::PrimaryDuties(PrimaryDutiesOptions options, const InstanceWatch& watch)
    : options_(std::move(options)),
      watch_(watch),
      epochs_(options_.user_agent),
      slots_(options_.drop_after) {
    try {
        connect();
        if (is_primary()) look_at_regions(started_at_);
        // Where nobody is to be asked, nobody waits.
        may_write_ = epochs_.asked();
    } catch (const db::Unavailable& error) {
        // As when the connection is lost later: the thread goes on trying, and clients are served.
        spdlog::warn("event=regions_not_served reason={}", log_text(error.what()));
        connection_.reset();
    }
    thread_ = std::thread([this] { run(); });
}

PrimaryDuties::~PrimaryDuties() {
    stop();
    thread_.join();
}

void PrimaryDuties::stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (connection_) connection_->interrupt();
    wake_.notify_all();
}

std::vector<db::RegionStatus> PrimaryDuties::regions() const {
    const std::lock_guard lock(mutex_);
    return regions_;
}

bool PrimaryDuties::is_primary() const {
    return watch_.instance()->role == db::InstanceRole::primary;
}

void PrimaryDuties::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        try {
            turn();
        } catch (const std::exception& error) {
            if (log_.may_log()) {
                spdlog::warn("event=regions_not_served reason={}", log_text(error.what()));
            }
            const std::lock_guard again(mutex_);
            connection_.reset();
        }
        lock.lock();
        wake_.wait_for(lock, k_turn, [this] { return stopping_; });
    }
}

void PrimaryDuties::turn() {
    const auto now = Clock::now();
    if (!is_primary()) {
        may_write_ = true;  // the database refuses, and says where to write instead
        const std::lock_guard lock(mutex_);
        regions_.clear();
        return;
    }
    // Before it is acted on, so that nothing is written between.
    const bool asked = epochs_.asked();
    fence_if_replaced();
    if (asked || now - started_at_ > k_longest_hold) may_write_ = true;
    if (!connection_) connect();
    connection_->write([](db::Tx& tx) { db::write_heartbeat(tx); });
    if (now - looked_at_ >= k_look_interval) look_at_regions(now);
}

void PrimaryDuties::connect() {
    auto fresh = std::make_unique<db::Connection>(options_.uri, db::Session::publishing);
    const std::lock_guard lock(mutex_);
    connection_ = std::move(fresh);
    if (stopping_) connection_->interrupt();
}

void PrimaryDuties::look_at_regions(Clock::time_point now) {
    std::vector<db::RegionStatus> regions;
    connection_->read([&](db::Tx& tx) { regions = db::list_region_status(tx); });
    looked_at_ = now;
    epochs_.ask(urls_of(regions));
    {
        const std::lock_guard lock(mutex_);
        regions_ = regions;
    }
    try {
        look_after(regions, now);
    } catch (const db::QueryFailed& error) {
        // It may have no right to: that doesn't keep it from serving.
        spdlog::warn("event=regions_not_looked_after reason={}", log_text(error.what()));
    }
}

void PrimaryDuties::look_after(
    const std::vector<db::RegionStatus>& regions, Clock::time_point now
) {
    const auto removed = remove_left_regions(*connection_, std::string(k_who));
    if (!removed) {
        spdlog::warn("event=region_not_removed reason={}", log_text(removed.error().message));
    }
    if (now - judged_slots_at_ < k_slot_interval) return;
    judged_slots_at_ = now;
    slots_.apply(*connection_, regions, now, seconds_since_1970());
    fence_the_old();
}

// Promoted while the old primary couldn't be asked: the way there, the subscription, is kept until
// it was.
void PrimaryDuties::fence_the_old() {
    bool unfinished = false;
    connection_->read([&](db::Tx& tx) { unfinished = db::find_subscription(tx).has_value(); });
    if (!unfinished) return;
    PromoteOptions options;
    options.who = k_who;
    const auto fenced = promote(options_.uri, options);
    if (fenced) {
        spdlog::info("event=old_primary_fenced");
    } else {
        spdlog::warn("event=old_primary_not_fenced reason={}", log_text(fenced.error().message));
    }
}

void PrimaryDuties::fence_if_replaced() {
    const auto highest = epochs_.highest();
    if (!highest || highest->epoch <= watch_.instance()->epoch) return;
    if (!connection_) connect();
    bool fenced = false;
    connection_->write([&](db::Tx& tx) { fenced = db::fence(tx, highest->epoch, highest->url); });
    if (!fenced) return;
    spdlog::error(
        "event=fenced epoch={} replaced_by={} effect=\"takes no more writes\" hint=\"'narthex "
        "replica "
        "follow' makes this a region of the new primary\"",
        highest->epoch,
        log_text(highest->url)
    );
}

}  // namespace narthex::service
