// The caches of the database as a server knows them, as DatabaseWatch reads them. While the
// database is away the last list stands.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/service/database_watch.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace narthex::service {

using CacheList = std::shared_ptr<const std::vector<Cache>>;

class Catalog : public Watched {
  public:
    // Throws SchemaMismatch, too: a migration under a running server is noticed here.
    void read(db::Connection& connection) override;
    void not_read() override;

    // The default cache is the first. Null before it was read. Any thread.
    [[nodiscard]] CacheList caches() const;

    // Another number when the list is another one. Any thread, no lock.
    [[nodiscard]] std::uint64_t version() const { return version_; }

    // True when the database has just given the list. Any thread.
    [[nodiscard]] bool current() const;

  private:
    mutable std::mutex mutex_;
    CacheList caches_;
    std::atomic<std::uint64_t> version_ = 0;
    std::chrono::steady_clock::time_point read_at_;  // zero: the last try failed
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
