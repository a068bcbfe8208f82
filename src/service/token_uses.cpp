#include "narthex/service/token_uses.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/tokens.hpp"
#include "narthex/service/log.hpp"

#include <chrono>
#include <vector>

namespace narthex::service {

namespace {
constexpr std::chrono::minutes k_store_interval(1);
// The server's end waits for no longer.
constexpr std::chrono::milliseconds k_last_store(500);
}  // namespace

TokenUses::TokenUses(std::string uri) : uri_(std::move(uri)), thread_([this] { run(); }) {}

TokenUses::~TokenUses() {
    stop(false);
    thread_.join();
}

TokenUses::Cell& TokenUses::cell(int token) {
    const std::lock_guard lock(mutex_);
    return uses_[token].last;
}

void TokenUses::stop(bool store) {
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    store_at_end_ = store;
    wake_.notify_all();
    const auto limit = store ? k_last_store : std::chrono::milliseconds(0);
    given_up_ = !wake_.wait_for(lock, limit, [this] { return ended_; });
    if (given_up_ && connection_) connection_->interrupt();
}

void TokenUses::run() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
        wake_.wait_for(lock, k_store_interval, [this] { return stopping_; });
        const bool last = stopping_;
        lock.unlock();
        if (!last || store_at_end_) store();
        lock.lock();
        ended_ = last;
    }
    wake_.notify_all();
}

// What can't be stored is tried again the next time.
void TokenUses::store() {
    std::vector<db::TokenUse> uses;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [token, use] : uses_) {
            if (use.last > use.stored) uses.push_back({token, use.last});
        }
    }
    if (uses.empty()) return;
    try {
        auto fresh = std::make_unique<db::Connection>(uri_, db::Session::work);
        {
            const std::lock_guard lock(mutex_);
            if (given_up_) return;
            connection_ = std::move(fresh);
        }
        connection_->write([&](db::Tx& tx) { db::store_token_uses(tx, uses); });
        const std::lock_guard lock(mutex_);
        for (const auto& use : uses) uses_[use.token].stored = use.at;
        connection_.reset();
    } catch (const std::exception& error) {
        log_warn("event=token_uses_not_stored reason={}", log_text(error.what()));
        const std::lock_guard lock(mutex_);
        connection_.reset();
    }
}

}  // namespace narthex::service
