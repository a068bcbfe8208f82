#include "narthex/service/count_sender.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/own_counts.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>
#include <vector>

namespace narthex::service {

namespace {

// Rows in one statement: some milliseconds, and less than 100 KiB on the wire.
constexpr std::size_t k_batch = 1000;
constexpr std::chrono::seconds k_limit(10);

}  // namespace

CountSender::CountSender(CountSenderOptions options)
    : options_(std::move(options)), thread_([this] { run(); }) {}

CountSender::~CountSender() {
    stop();
    thread_.join();
}

void CountSender::stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (here_) here_->interrupt();
    if (primary_) primary_->interrupt();
    wake_.notify_all();
}

bool CountSender::stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void CountSender::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait_for(lock, options_.interval, [this] { return stopping_; });
        if (stopping_) return;
        lock.unlock();
        const auto primary = options_.primary();
        if (!primary.empty()) send_all(primary);
        lock.lock();
        here_.reset();
        primary_.reset();
    }
}

// What can't be sent is sent the next time, and so is what nobody knows whether it was.
void CountSender::send_all(const std::string& primary) {
    try {
        auto here = std::make_unique<db::Connection>(options_.uri, db::Session::publishing);
        here->read([&](db::Tx& tx) { unsent_ = db::count_unsent_counts(tx); });
        if (unsent_ == 0) return;
        auto there = std::make_unique<db::PrimaryConnection>(primary, k_limit);
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
            here_ = std::move(here);
            primary_ = std::move(there);
        }
        while (send_some() && !stopping()) {
        }
        if (failing_) log_info("event=counts_sent_again");
        failing_ = false;
    } catch (const std::exception& error) {
        failing_ = true;
        if (stopping() || !log_.may_log()) return;
        log_warn("event=counts_not_sent rows={} reason={}", unsent_.load(), log_text(error.what()));
    }
}

// False when there are no more.
bool CountSender::send_some() {
    std::vector<db::RequestCount> counts;
    here_->read([&](db::Tx& tx) { counts = db::list_unsent_counts(tx, k_batch); });
    if (!counts.empty()) {
        primary_->send_counts(counts);
        here_->write([&](db::Tx& tx) { db::mark_counts_sent(tx, counts); });
        sent_ += counts.size();
        unsent_ -= std::min(unsent_.load(), counts.size());
    }
    return counts.size() == k_batch;
}

}  // namespace narthex::service
