#include "narthex/service/catalog.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/caches.hpp"
#include "narthex/db/migrate.hpp"

#include <spdlog/spdlog.h>

namespace narthex::service {

namespace {
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds k_refresh_interval(1);
// An answer that takes longer is as good as none.
constexpr std::chrono::seconds k_current(5);
}  // namespace

Catalog::Catalog(
    std::string uri,
    std::function<void()> revive,
    std::function<void(const std::string& reason)> schema_mismatch
)
    : uri_(std::move(uri)),
      revive_(std::move(revive)),
      schema_mismatch_(std::move(schema_mismatch)) {
    refresh();
    thread_ = std::thread([this] { run(); });
}

Catalog::~Catalog() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (connection_) connection_->interrupt();
    }
    wake_.notify_all();
    thread_.join();
}

CacheList Catalog::caches() const {
    const std::lock_guard lock(mutex_);
    return caches_;
}

void Catalog::refresh_soon() {
    {
        const std::lock_guard lock(mutex_);
        refresh_soon_ = true;
    }
    wake_.notify_one();
}

bool Catalog::current() const {
    const std::lock_guard lock(mutex_);
    return refreshed_at_ != Clock::time_point{} && Clock::now() - refreshed_at_ < k_current;
}

void Catalog::run() {
    std::unique_lock lock(mutex_);
    const auto woken = [this] { return stopping_ || refresh_soon_; };
    while (true) {
        wake_.wait_for(lock, k_refresh_interval, woken);
        if (stopping_) return;
        refresh_soon_ = false;
        lock.unlock();
        try {
            refresh();
        } catch (const db::SchemaMismatch& error) {
            schema_mismatch_(error.what());
        } catch (const std::exception& error) {
            spdlog::debug("event=catalog_not_refreshed reason={}", log_text(error.what()));
            {
                const std::lock_guard again(mutex_);
                connection_.reset();
                refreshed_at_ = {};
            }
            if (revive_) revive_();
        }
        lock.lock();
    }
}

void Catalog::refresh() {
    if (!connection_) {
        auto fresh = std::make_unique<db::Connection>(uri_, db::Session::serving);
        const std::lock_guard lock(mutex_);
        connection_ = std::move(fresh);
    }
    // A migration under a running server is noticed here.
    db::require_current_schema(*connection_);
    std::vector<Cache> list;
    connection_->read([&](db::Tx& tx) { list = db::list_caches(tx); });
    const std::lock_guard lock(mutex_);
    refreshed_at_ = Clock::now();
    if (!caches_ || *caches_ != list) {
        caches_ = std::make_shared<const std::vector<Cache>>(std::move(list));
        ++version_;
    }
}

}  // namespace narthex::service
