// Stores how often paths are asked for: every few seconds and at the end, on a thread and a
// connection of its own. A server that is killed loses what came since the last time, no more.
// While the database is away, counts wait in memory, a bounded number of them. Deletes counts that
// are old and leases that have ended, and restores what is missed. On a region it stores what
// service/count_sender.hpp brings to the primary, and restores nothing.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/request_counts.hpp"
#include "narthex/service/log_limit.hpp"
#include "narthex/service/request_counts.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace narthex::service {

struct CountStoreOptions {
    std::string uri;
    std::chrono::seconds interval{10};
    // Older ones are deleted, once a day; of a region's, which its primary has, after a week.
    std::chrono::days keep{400};
    std::size_t most = 1'000'000;     // paths that wait to be stored; what comes later is dropped
    std::uint64_t auto_restore = 0;   // requests that bring a hidden path back; 0: none do
    std::function<void()> hand_over;  // called before each time: adds what others hold to `counts`
    // Whether the database is a primary's. Any thread.
    std::function<bool()> is_primary = [] { return true; };
};

class CountStore {
  public:
    // `counts` outlives it.
    CountStore(CountStoreOptions options, RequestCounts& counts);
    // Joins; stop() first.
    ~CountStore();
    CountStore(const CountStore&) = delete;
    CountStore& operator=(const CountStore&) = delete;

    // Stores what isn't stored yet, within half a second or never; never while the database is
    // away. Once.
    void stop();

    struct Figures {
        std::uint64_t stored;   // requests
        std::uint64_t dropped;  // requests that weren't and won't be
        std::size_t waiting;    // paths that wait for the database
    };
    [[nodiscard]] Figures figures() const;  // any thread

  private:
    using Day = int;  // since 1970-01-01, UTC

    void run();
    void turn();
    void gather();
    void store_all();
    void store(const std::vector<db::RequestCount>& counts);
    [[nodiscard]] std::vector<db::RequestCount> next_batch() const;
    void restore_missed_of(const std::vector<db::RequestCount>& counts);
    void restore_missed_in_regions();
    void delete_old_counts();
    void delete_ended_leases();
    void write(const std::function<void(db::Tx&)>& job);
    void drop_connection();
    [[nodiscard]] bool given_up() const;

    CountStoreOptions options_;
    RequestCounts& counts_;
    std::map<std::pair<Day, PathKey>, Requests> waiting_;  // the thread's own, as are these
    Day deleted_on_ = 0;
    bool failing_ = false;  // the last time
    std::uint64_t drops_told_ = 0;
    LogLimit away_log_;
    LogLimit drop_log_;

    std::atomic<std::uint64_t> stored_ = 0;
    std::atomic<std::uint64_t> dropped_ = 0;
    std::atomic<std::size_t> waiting_paths_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    bool stopping_ = false;
    bool given_up_ = false;  // the end waits no longer
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace narthex::service
