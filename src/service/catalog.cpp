#include "narthex/service/catalog.hpp"

#include "narthex/db/caches.hpp"
#include "narthex/db/migrate.hpp"

#include <utility>

namespace narthex::service {

namespace {
using Clock = std::chrono::steady_clock;

// An answer that takes longer is as good as none.
constexpr std::chrono::seconds k_current(5);
}  // namespace

CacheList Catalog::caches() const {
    const std::lock_guard lock(mutex_);
    return caches_;
}

bool Catalog::current() const {
    const std::lock_guard lock(mutex_);
    return read_at_ != Clock::time_point{} && Clock::now() - read_at_ < k_current;
}

void Catalog::read(db::Connection& connection) {
    db::require_current_schema(connection);
    std::vector<Cache> list;
    connection.read([&](db::Tx& tx) { list = db::list_caches(tx); });
    const std::lock_guard lock(mutex_);
    read_at_ = Clock::now();
    if (!caches_ || *caches_ != list) {
        caches_ = std::make_shared<const std::vector<Cache>>(std::move(list));
        ++version_;
    }
}

void Catalog::not_read() {
    const std::lock_guard lock(mutex_);
    read_at_ = {};
}

}  // namespace narthex::service
