#include "narthex/service/count_store.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/leases.hpp"
#include "narthex/db/own_counts.hpp"
#include "narthex/service/auto_restore.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>

namespace narthex::service {

namespace {

// Rows in one statement: some milliseconds.
constexpr std::size_t k_batch = 1000;
// The server's end waits for no longer.
constexpr std::chrono::milliseconds k_last_store(500);
constexpr int k_most_missed = 10'000;
// Of a region's counts that its primary has: today's are added to, and whoever follows another
// primary brings along what that may lack.
constexpr std::chrono::days k_keep_own(7);

int today() {
    const auto now = std::chrono::system_clock::now();
    return static_cast<int>(std::chrono::floor<std::chrono::days>(now).time_since_epoch().count());
}

}  // namespace

CountStore::CountStore(CountStoreOptions options, RequestCounts& counts)
    : options_(std::move(options)), counts_(counts), thread_([this] { run(); }) {}

CountStore::~CountStore() {
    stop();
    thread_.join();
}

void CountStore::stop() {
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    wake_.notify_all();
    given_up_ = !wake_.wait_for(lock, k_last_store, [this] { return ended_; });
    if (given_up_ && connection_) connection_->interrupt();
}

CountStore::Figures CountStore::figures() const {
    return {stored_, dropped_ + counts_.dropped(), waiting_paths_};
}

void CountStore::run() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
        wake_.wait_for(lock, options_.interval, [this] { return stopping_; });
        const bool last = stopping_;
        lock.unlock();
        // A database that is away isn't waited for at the end.
        if (!last || !failing_) turn();
        lock.lock();
        ended_ = last;
    }
    wake_.notify_all();
}

// What can't be stored is tried again the next time. So is what nobody knows whether it was: a path
// that is counted twice lives longer, one that isn't counted may be collected.
void CountStore::turn() {
    gather();
    try {
        store_all();
        restore_missed_in_regions();
        delete_old_counts();
        delete_ended_leases();
        failing_ = false;
    } catch (const std::exception& error) {
        failing_ = true;
        if (away_log_.may_log()) {
            log_warn(
                "event=counts_not_stored paths={} reason={}",
                waiting_.size(),
                log_text(error.what())
            );
        }
        drop_connection();
    }
    waiting_paths_ = waiting_.size();
}

// Requests count for the day on which they are gathered: an interval after midnight some are
// yesterday's.
void CountStore::gather() {
    if (options_.hand_over) options_.hand_over();
    const auto day = today();
    for (const auto& [key, requests] : counts_.take()) {
        const auto at = waiting_.find({day, key});
        if (at != waiting_.end()) {
            at->second += requests;
        } else if (waiting_.size() < options_.most) {
            waiting_.emplace(std::pair(day, key), requests);
        } else {
            dropped_ += requests.sum();
        }
    }
    waiting_paths_ = waiting_.size();
    const auto dropped = figures().dropped;
    if (dropped > drops_told_ && drop_log_.may_log()) {
        log_warn("event=counts_dropped requests={}", dropped - drops_told_);
        drops_told_ = dropped;
    }
}

void CountStore::store_all() {
    while (!waiting_.empty() && !given_up()) {
        const auto batch = next_batch();
        store(batch);
        for (const auto& count : batch) {
            waiting_.erase({count.day, count.key});
            stored_ += count.served + count.hidden;
        }
        restore_missed_of(batch);
    }
}

void CountStore::store(const std::vector<db::RequestCount>& counts) {
    const bool is_primary = options_.is_primary();
    write([&](db::Tx& tx) {
        if (is_primary) {
            db::add_request_counts(tx, counts);
        } else {
            db::add_own_counts(tx, counts);
        }
    });
}

// What can't be looked at now is looked at when it is asked for again.
void CountStore::restore_missed_of(const std::vector<db::RequestCount>& counts) {
    if (options_.auto_restore == 0 || !options_.is_primary()) return;
    std::vector<PathKey> hidden;
    for (const auto& count : counts) {
        if (count.hidden > 0) hidden.push_back(count.key);
    }
    if (!hidden.empty()) restore_missed(*connection_, hidden, options_.auto_restore);
}

// Those come by themselves (service/count_sender.hpp, at the region).
void CountStore::restore_missed_in_regions() {
    if (options_.auto_restore == 0 || !options_.is_primary()) return;
    std::vector<PathKey> hidden;
    write([&](db::Tx& tx) { hidden = db::find_missed_in_regions(tx, k_most_missed); });
    if (!hidden.empty()) restore_missed(*connection_, hidden, options_.auto_restore);
}

std::vector<db::RequestCount> CountStore::next_batch() const {
    std::vector<db::RequestCount> batch;
    for (const auto& [path, requests] : waiting_) {
        batch.push_back({path.second, path.first, requests.served, requests.hidden});
        if (batch.size() == k_batch) break;
    }
    return batch;
}

void CountStore::delete_old_counts() {
    const auto day = today();
    if (deleted_on_ == day) return;
    const bool is_primary = options_.is_primary();
    const auto delete_some = is_primary ? db::delete_request_counts : db::delete_own_counts;
    const auto days = is_primary ? options_.keep : std::min(options_.keep, k_keep_own);
    const auto keep = static_cast<int>(days.count());
    std::size_t deleted = k_batch;
    while (deleted == k_batch && !given_up()) {
        write([&](db::Tx& tx) { deleted = delete_some(tx, keep, static_cast<int>(k_batch)); });
    }
    deleted_on_ = day;
}

void CountStore::delete_ended_leases() {
    std::size_t deleted = k_batch;
    while (deleted == k_batch && !given_up()) {
        write([&](db::Tx& tx) { deleted = db::delete_ended_leases(tx, static_cast<int>(k_batch)); }
        );
    }
}

void CountStore::write(const std::function<void(db::Tx&)>& job) {
    if (connection_) {
        try {
            return connection_->write(job);
        } catch (const db::Unavailable&) {
            // It may have broken while nobody used it. A job that was cut off has committed
            // nothing.
            drop_connection();
            if (given_up()) throw;
        }
    }
    auto fresh = std::make_unique<db::Connection>(options_.uri, db::Session::publishing);
    {
        const std::lock_guard lock(mutex_);
        connection_ = std::move(fresh);
        if (given_up_) connection_->interrupt();
    }
    connection_->write(job);
}

void CountStore::drop_connection() {
    const std::lock_guard lock(mutex_);
    connection_.reset();
}

bool CountStore::given_up() const {
    const std::lock_guard lock(mutex_);
    return given_up_;
}

}  // namespace narthex::service
