// Leases: what a publisher is told is there, it won't upload again, so that stays for a while. An
// existence check with a publisher's token goes through here first: the lease is committed before
// the answer. What all connections ask is gathered into one transaction, on a thread and a
// connection of its own. What this server has leased lately it doesn't ask for again.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/leases.hpp"
#include "narthex/service/lookups.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace narthex::service {

struct LeaseTask {
    std::vector<PathKey> keys;
    std::chrono::steady_clock::time_point deadline;
    // For each key. Served: it is leased. On the thread of Leases, or the one that submits.
    std::function<void(const std::vector<db::Presence>&)> done;
    // Instead, when the database can't be asked in time.
    std::function<void()> fail;
};

struct LeaseOptions {
    std::string uri;
    std::chrono::hours duration{24};
    std::size_t most = 1'000'000;  // paths that are remembered
    // Takes lookups whose paths are leased; empties its argument.
    std::function<void(std::vector<Lookup>&)> look_up;
    // Called on its thread when the database can't be reached.
    std::function<void()> revive;
};

class Leases {
  public:
    explicit Leases(LeaseOptions options);
    ~Leases();
    Leases(const Leases&) = delete;
    Leases& operator=(const Leases&) = delete;

    // Fails what is queued, and all that comes; ends the thread.
    void stop();

    // Whether the path is leased for half of the time yet, so far as this server knows. Any thread.
    [[nodiscard]] bool holds(const PathKey& key) const;

    // Any thread; returns at once.
    void submit(LeaseTask task);

    // Publishers' lookups, which go on to `look_up` when their paths are leased; the others are
    // answered. Empties `lookups`. Any thread; returns at once.
    void submit(std::vector<Lookup>& lookups);

    struct Figures {
        std::uint64_t leased;  // paths, as often as they were
        std::size_t held;      // paths that holds() may be true of
    };
    [[nodiscard]] Figures figures() const;  // any thread

  private:
    using Clock = std::chrono::steady_clock;
    using Told = std::unordered_map<PathKey, db::Presence>;

    void run();
    [[nodiscard]] std::vector<LeaseTask> next_tasks();
    void do_tasks(const std::vector<LeaseTask>& tasks);
    [[nodiscard]] bool lease(Told& told);
    [[nodiscard]] bool try_lease(Told& told);
    void connect();
    void disconnect();
    void hold(const Told& told, Clock::time_point until);
    std::deque<LeaseTask> take_all();

    LeaseOptions options_;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    std::atomic<std::uint64_t> leased_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<LeaseTask> tasks_;
    bool stopping_ = false;
    bool away_ = false;  // logged once, not for each task

    mutable std::mutex held_mutex_;
    std::unordered_map<PathKey, Clock::time_point> held_;  // until when
    std::thread thread_;
};

}  // namespace narthex::service
