#include "narthex/service/instance_watch.hpp"

#include "narthex/service/log.hpp"

#include <utility>

namespace narthex::service {

namespace {

using Clock = Epochs::Clock;

template <class Time>
std::int64_t micros(Time time) {
    return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}

}  // namespace

std::shared_ptr<const db::Instance> InstanceWatch::instance() const {
    const std::lock_guard lock(mutex_);
    return instance_;
}

bool InstanceWatch::serves() const {
    return instance()->role != db::InstanceRole::joining;
}

void InstanceWatch::saw_clock(Clock::time_point asked, std::chrono::system_clock::time_point said) {
    const std::lock_guard lock(mutex_);
    reading_ = ClockReading{micros(asked), micros(said)};
    judge();
}

void InstanceWatch::forget_clock() {
    const std::lock_guard lock(mutex_);
    reading_.reset();
    judge();
}

std::optional<db::Heartbeat> InstanceWatch::heartbeat() const {
    const std::lock_guard lock(mutex_);
    if (!seen_) return std::nullopt;
    return seen_->heartbeat;
}

std::optional<std::chrono::milliseconds> InstanceWatch::heartbeat_age() const {
    const std::lock_guard lock(mutex_);
    if (instance_->role != db::InstanceRole::region || !seen_ || !reading_) return std::nullopt;
    const std::chrono::microseconds age(age_at_most(*reading_, applied(), micros(Clock::now())));
    return std::chrono::ceil<std::chrono::milliseconds>(age);
}

AppliedHeartbeat InstanceWatch::applied() const {
    return {micros(seen_->heartbeat.at), micros(seen_->at)};
}

void InstanceWatch::read(db::Connection& connection) {
    db::Instance instance;
    std::optional<db::Heartbeat> heartbeat;
    connection.read([&](db::Tx& tx) {
        instance = db::read_instance(tx);
        heartbeat = db::read_heartbeat(tx);
    });
    const std::lock_guard lock(mutex_);
    take(std::move(instance), heartbeat);
}

// With the mutex held, as the next.
void InstanceWatch::take(db::Instance instance, const std::optional<db::Heartbeat>& heartbeat) {
    // Another epoch, too: a primary that was followed is another one, whose clock wasn't seen.
    const bool other =
        instance_ && (instance_->role != instance.role || instance_->epoch != instance.epoch);
    if (other) {
        reading_.reset();
        seen_.reset();
        log_info(
            "event=instance_changed role={} epoch={}", to_string(instance.role), instance.epoch
        );
    }
    const bool beat = heartbeat && (!seen_ || seen_->heartbeat.at != heartbeat->at ||
                                    seen_->heartbeat.xid != heartbeat->xid);
    if (!heartbeat) seen_.reset();
    if (beat) seen_ = Seen{*heartbeat, Clock::now()};
    instance_ = std::make_shared<const db::Instance>(std::move(instance));
    judge();
    // What was answered for one role needn't be right for another.
    if (other) epochs_.raise_all();
}

void InstanceWatch::judge() {
    auto until = Clock::time_point::min();
    if (instance_->role == db::InstanceRole::primary) {
        until = Clock::time_point::max();
    } else if (instance_->role == db::InstanceRole::region && seen_ && reading_) {
        const std::chrono::microseconds since_zero(up_to_date_until(*reading_, applied()));
        until = Clock::time_point(since_zero);
    }
    epochs_.count_absences_until(until);
}

}  // namespace narthex::service
