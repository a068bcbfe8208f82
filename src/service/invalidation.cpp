#include "narthex/service/invalidation.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

namespace narthex::service {

namespace {

using Clock = Epochs::Clock;

constexpr std::chrono::milliseconds k_ping_interval(250);
// From when a ping was sent: what was committed before it has been heard once it is.
constexpr std::chrono::milliseconds k_trust(1000);
constexpr std::chrono::milliseconds k_retry_pause(200);

// What answers of narinfos don't depend on; answers about NARs aren't kept.
bool changes_no_narinfo(const std::string& table) {
    return table == "nar" || table == "nar_location" || table == "site" || table == "companion" ||
           table == "token";
}

}  // namespace

Invalidation::Invalidation(
    std::string uri, Epochs& epochs, std::function<void(const std::string& table)> on_table
)
    : uri_(std::move(uri)), epochs_(epochs), on_table_(std::move(on_table)) {
    thread_ = std::thread([this] { run(); });
}

Invalidation::~Invalidation() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (listener_) listener_->interrupt();
    }
    stop_.notify_all();
    thread_.join();
    epochs_.distrust();
}

bool Invalidation::stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void Invalidation::run() {
    while (!stopping()) {
        try {
            connect();
            listen();
        } catch (const std::exception& error) {
            lost(error.what());
        }
        std::unique_lock lock(mutex_);
        listener_.reset();
        stop_.wait_for(lock, k_retry_pause, [this] { return stopping_; });
    }
}

void Invalidation::connect() {
    auto fresh = std::make_unique<db::ChangeListener>(uri_);
    // What changed while nobody listened.
    epochs_.raise_all();
    answered_ = true;
    pinged_at_ = {};
    const std::lock_guard lock(mutex_);
    listener_ = std::move(fresh);
    if (stopping_) listener_->interrupt();
}

void Invalidation::listen() {
    while (!stopping()) {
        const auto now = Clock::now();
        if (answered_ && now - pinged_at_ >= k_ping_interval) {
            // Before it is sent: what is trusted then was true at this time.
            pinged_at_ = now;
            answered_ = false;
            listener_->ping(++pings_);
        }
        if (!answered_ && now - pinged_at_ > k_trust) throw std::runtime_error("it is silent");
        heard(listener_->next(k_ping_interval / 5));
    }
}

void Invalidation::heard(const db::Notice& notice) {
    if (const auto* changed = std::get_if<db::BucketsChanged>(&notice)) {
        for (auto bucket = changed->first; bucket < changed->end; ++bucket) epochs_.raise(bucket);
    } else if (const auto* flipped = std::get_if<db::BatchFlipped>(&notice)) {
        epochs_.raise_batch(flipped->batch);
    } else if (const auto* table = std::get_if<db::TableChanged>(&notice)) {
        if (!changes_no_narinfo(table->table)) epochs_.raise_all();
        on_table_(table->table);
    } else if (const auto* pong = std::get_if<db::Pong>(&notice); pong && pong->number == pings_) {
        answered_ = true;
        epochs_.trust_until(pinged_at_ + k_trust);
        if (reported_lost_) log_info("event=changes_heard");
        reported_lost_ = false;
    }
}

void Invalidation::lost(const std::string& reason) {
    epochs_.distrust();
    if (reported_lost_ || stopping()) return;
    log_warn("event=changes_lost effect=\"cache off\" reason={}", log_text(reason));
    reported_lost_ = true;
}

}  // namespace narthex::service
