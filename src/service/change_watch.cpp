#include "narthex/service/change_watch.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>
#include <iterator>

namespace narthex::service {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds k_interval(250);

}  // namespace

ChangeWatch::ChangeWatch(std::string uri, std::size_t most)
    : uri_(std::move(uri)), most_(most), thread_([this] { run(); }) {}

ChangeWatch::~ChangeWatch() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (connection_) connection_->interrupt();
    }
    changed_.notify_all();
    thread_.join();
    for (const auto& wait : waiting_) wait.wake();
}

bool ChangeWatch::add(ChangeWait wait) {
    const std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() >= most_) return false;
    waiting_.push_back(std::move(wait));
    changed_.notify_all();
    return true;
}

void ChangeWatch::run() {
    bool away = false;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (waiting_.empty()) {
            changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            continue;
        }
        lock.unlock();
        const bool seen = look();
        if (away == seen) log_info("event=changes_watched database={}", seen ? "back" : "away");
        away = !seen;
        wake_due();
        lock.lock();
        changed_.wait_for(lock, k_interval, [this] { return stopping_; });
    }
}

// False when the database is away.
bool ChangeWatch::look() {
    try {
        if (!connection_) {
            auto fresh = std::make_unique<db::Connection>(uri_, db::Session::work);
            const std::lock_guard lock(mutex_);
            connection_ = std::move(fresh);
            if (stopping_) connection_->interrupt();
        }
        connection_->read([this](db::Tx& tx) { end_ = db::end_of_changes(tx); });
        return true;
    } catch (const std::exception& error) {
        log_debug("event=changes_unwatched reason={}", log_text(error.what()));
        const std::lock_guard lock(mutex_);
        connection_.reset();
        return false;
    }
}

void ChangeWatch::wake_due() {
    std::vector<ChangeWait> due;
    {
        const std::lock_guard lock(mutex_);
        const auto now = Clock::now();
        const auto stays = std::partition(waiting_.begin(), waiting_.end(), [&](const auto& wait) {
            return wait.after >= end_ && wait.deadline > now && !wait.client.expired();
        });
        std::move(stays, waiting_.end(), std::back_inserter(due));
        waiting_.erase(stays, waiting_.end());
    }
    for (const auto& wait : due) wait.wake();
}

}  // namespace narthex::service
