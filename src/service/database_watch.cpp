#include "narthex/service/database_watch.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/migrate.hpp"
#include "narthex/service/log.hpp"

#include <chrono>
#include <utility>

namespace narthex::service {

namespace {
constexpr std::chrono::milliseconds k_interval(250);
}  // namespace

DatabaseWatch::DatabaseWatch(DatabaseWatchOptions options) : options_(std::move(options)) {
    connect();
    for (auto* watched : options_.watched) watched->read(*connection_);
    thread_ = std::thread([this] { run(); });
}

DatabaseWatch::~DatabaseWatch() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (connection_) connection_->interrupt();
    }
    wake_.notify_all();
    thread_.join();
}

void DatabaseWatch::read_soon() {
    {
        const std::lock_guard lock(mutex_);
        read_soon_ = true;
    }
    wake_.notify_one();
}

void DatabaseWatch::run() {
    std::unique_lock lock(mutex_);
    const auto woken = [this] { return stopping_ || read_soon_; };
    while (true) {
        wake_.wait_for(lock, k_interval, woken);
        if (stopping_) return;
        read_soon_ = false;
        lock.unlock();
        read_all();
        lock.lock();
    }
}

void DatabaseWatch::connect() {
    auto fresh = std::make_unique<db::Connection>(options_.uri, db::Session::serving);
    const std::lock_guard lock(mutex_);
    connection_ = std::move(fresh);
    if (stopping_) connection_->interrupt();
}

void DatabaseWatch::read_all() {
    for (auto* watched : options_.watched) try_to_read(*watched);
}

// What fails, fails alone: the next is read on a fresh connection.
void DatabaseWatch::try_to_read(Watched& watched) {
    try {
        if (!connection_) connect();
        watched.read(*connection_);
        return;
    } catch (const db::SchemaMismatch& error) {
        if (options_.schema_mismatch) options_.schema_mismatch(error.what());
        return;
    } catch (const std::exception& error) {
        log_debug("event=database_not_read reason={}", log_text(error.what()));
    }
    watched.not_read();
    {
        const std::lock_guard lock(mutex_);
        connection_.reset();
    }
    if (options_.revive) options_.revive();
}

}  // namespace narthex::service
