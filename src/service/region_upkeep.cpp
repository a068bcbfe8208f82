#include "narthex/service/region_upkeep.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/region_status.hpp"
#include "narthex/service/log.hpp"
#include "narthex/service/old_primary.hpp"
#include "narthex/service/replica_invite.hpp"

#include <vector>

namespace narthex::service {

namespace {

constexpr std::chrono::milliseconds k_turn(500);
constexpr std::chrono::seconds k_often(5);
constexpr std::chrono::seconds k_seldom(60);
// Publishers' transactions that have begun there are waited for.
constexpr std::chrono::seconds k_fence_limit(30);

std::int64_t seconds_since_1970() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

RegionUpkeep::RegionUpkeep(RegionUpkeepOptions options, const InstanceWatch& watch)
    : options_(std::move(options)),
      watch_(watch),
      slots_(options_.drop_after),
      steps_{{
          {&RegionUpkeep::remove_left, "region_not_removed", k_often},
          {&RegionUpkeep::judge_slots, "region_slots_not_judged", k_seldom},
          {&RegionUpkeep::fence_the_old, "old_primary_not_fenced", k_seldom},
      }},
      thread_([this] { run(); }) {}

RegionUpkeep::~RegionUpkeep() {
    stop();
    thread_.join();
}

void RegionUpkeep::stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (here_) here_->interrupt();
    if (old_primary_) old_primary_->interrupt();
    wake_.notify_all();
}

bool RegionUpkeep::stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void RegionUpkeep::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        if (watch_.instance()->role == db::InstanceRole::primary) turn();
        lock.lock();
        wake_.wait_for(lock, k_turn, [this] { return stopping_; });
    }
}

// Between turns it keeps no connection: where PostgreSQL allows few, they are for answers.
void RegionUpkeep::turn() {
    for (auto& step : steps_) {
        if (stopping()) return;
        const auto now = Clock::now();
        if (now < step.due) continue;
        step.due = now + step.interval;
        attempt(step);
    }
    disconnect();
}

void RegionUpkeep::attempt(Step& step) {
    try {
        if (!here_) connect();
        if (auto done = (this->*step.job)(); !done) failed(step, done.error().message);
    } catch (const std::exception& error) {
        failed(step, error.what());
        disconnect();
    }
}

void RegionUpkeep::failed(Step& step, std::string_view reason) {
    if (stopping() || !step.log.may_log()) return;
    log_warn("event={} reason={}", step.failed, log_text(reason));
}

void RegionUpkeep::connect() {
    auto fresh = std::make_unique<db::Connection>(options_.uri, db::Session::publishing);
    const std::lock_guard lock(mutex_);
    here_ = std::move(fresh);
    if (stopping_) here_->interrupt();
}

void RegionUpkeep::connect_to(const std::string& old_primary) {
    auto fresh = std::make_unique<db::PrimaryConnection>(old_primary, k_fence_limit);
    const std::lock_guard lock(mutex_);
    old_primary_ = std::move(fresh);
    if (stopping_) old_primary_->interrupt();
}

void RegionUpkeep::disconnect() {
    const std::lock_guard lock(mutex_);
    here_.reset();
    old_primary_.reset();
}

// Those that said goodbye.
Result<void> RegionUpkeep::remove_left() {
    return remove_left_regions(*here_, "serve");
}

Result<void> RegionUpkeep::judge_slots() {
    std::vector<db::RegionStatus> regions;
    here_->read([&](db::Tx& tx) { regions = db::list_region_status(tx); });
    slots_.apply(*here_, regions, Clock::now(), seconds_since_1970());
    return {};
}

Result<void> RegionUpkeep::fence_the_old() {
    const auto old_primary = find_old_primary(*here_);
    if (!old_primary) return {};
    connect_to(old_primary->uri);
    fence_old_primary(*here_, *old_primary_, *old_primary);
    const std::lock_guard lock(mutex_);
    old_primary_.reset();
    log_info("event=old_primary_fenced");
    return {};
}

}  // namespace narthex::service
