#include "narthex/service/primary_duties.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/heartbeats.hpp"
#include "narthex/db/instance.hpp"
#include "narthex/service/log.hpp"

namespace narthex::service {

namespace {

constexpr std::chrono::milliseconds k_turn(500);
constexpr std::chrono::seconds k_look_interval(5);
// A region that can't be reached keeps nobody from publishing.
constexpr std::chrono::seconds k_longest_hold(3);

std::vector<std::string> urls_of(const std::vector<db::RegionStatus>& regions) {
    std::vector<std::string> urls;
    for (const auto& region : regions) {
        if (region.joined_at && !region.left_at && region.url) urls.push_back(*region.url);
    }
    return urls;
}

}  // namespace

PrimaryDuties::PrimaryDuties(PrimaryDutiesOptions options, const InstanceWatch& watch)
    : options_(std::move(options)), watch_(watch), epochs_(options_.user_agent, options_.ca_file) {
    try {
        connect();
        if (is_primary()) look_at_regions(started_at_);
        // Where nobody is to be asked, nobody waits.
        may_write_ = epochs_.asked();
    } catch (const db::Unavailable& error) {
        // As when the connection is lost later: the thread goes on trying, and clients are served.
        log_warn("event=regions_not_served reason={}", log_text(error.what()));
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
                log_warn("event=regions_not_served reason={}", log_text(error.what()));
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
    const std::lock_guard lock(mutex_);
    regions_ = std::move(regions);
}

void PrimaryDuties::fence_if_replaced() {
    const auto highest = epochs_.highest();
    if (!highest || highest->epoch <= watch_.instance()->epoch) return;
    if (!connection_) connect();
    bool fenced = false;
    connection_->write([&](db::Tx& tx) { fenced = db::fence(tx, highest->epoch, highest->url); });
    if (!fenced) return;
    log_error(
        "event=fenced epoch={} replaced_by={} effect=\"takes no more writes\" hint=\"'narthex "
        "replica "
        "follow' makes this a region of the new primary\"",
        highest->epoch,
        log_text(highest->url)
    );
}

}  // namespace narthex::service
