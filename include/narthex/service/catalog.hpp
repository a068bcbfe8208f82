// The caches of the database as a server knows them: loaded at the start, refreshed every second on
// a thread of its own, so that `narthex cache` takes effect without a restart. While the database
// is away the last list stands.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/db/connection.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace narthex::service {

using CacheList = std::shared_ptr<const std::vector<Cache>>;

class Catalog {
  public:
    // Loads the list; throws what db throws. `revive` is called when the database has gone away,
    // `schema_mismatch` when its schema isn't ours any more: the server has to stop.
    Catalog(
        std::string uri,
        std::function<void()> revive,
        std::function<void(const std::string& reason)> schema_mismatch
    );
    ~Catalog();
    Catalog(const Catalog&) = delete;
    Catalog& operator=(const Catalog&) = delete;

    // Never null; the default cache is the first. Any thread.
    [[nodiscard]] CacheList caches() const;

    // Another number when the list is another one. Any thread, no lock.
    [[nodiscard]] std::uint64_t version() const { return version_; }

    // Looks at the database soon, not only within the second. Any thread.
    void refresh_soon();

    // True when the database has just given the list. Any thread.
    [[nodiscard]] bool current() const;

  private:
    void run();
    void refresh();

    std::string uri_;
    std::function<void()> revive_;
    std::function<void(const std::string&)> schema_mismatch_;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    CacheList caches_;
    std::atomic<std::uint64_t> version_ = 0;
    bool refresh_soon_ = false;
    std::chrono::steady_clock::time_point refreshed_at_;  // zero: the last try failed
    bool stopping_ = false;
    std::thread thread_;
};

// One thread's view of the list: asks for it anew only when it is another one.
class CatalogView {
  public:
    explicit CatalogView(const Catalog& catalog) : catalog_(catalog) {}

    [[nodiscard]] const std::vector<Cache>& caches() {
        // First the number: a list that comes in between is asked for once more, never missed.
        const auto version = catalog_.version();
        if (!caches_ || version != version_) {
            caches_ = catalog_.caches();
            version_ = version;
        }
        return *caches_;
    }

  private:
    const Catalog& catalog_;
    CacheList caches_;
    std::uint64_t version_ = 0;
};

}  // namespace narthex::service
