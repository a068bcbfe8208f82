// Work for long answers: many narinfos at once, whole closures. It has database connections and
// threads of its own, so that single narinfos never wait behind it, and goes one statement at a
// time, so that a long answer doesn't hold up the others either. What all of them hold in memory
// together is bounded.
#pragma once

#include "narthex/db/lookup_connection.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace narthex::service {

// A part of a BulkRoom, given back with its last owner.
class BulkShare {
  public:
    ~BulkShare() { *used_ -= bytes_; }
    BulkShare(const BulkShare&) = delete;
    BulkShare& operator=(const BulkShare&) = delete;

    // False when there isn't as much left. One thread at a time.
    [[nodiscard]] bool grow(std::size_t bytes);

  private:
    friend class BulkRoom;
    BulkShare(std::shared_ptr<std::atomic<std::size_t>> used, std::size_t most)
        : used_(std::move(used)), most_(most) {}

    std::shared_ptr<std::atomic<std::size_t>> used_;
    std::size_t most_;
    std::size_t bytes_ = 0;
};

// The memory for bulk requests and their answers. Any thread; shares may outlive it.
class BulkRoom {
  public:
    explicit BulkRoom(std::size_t bytes) : bytes_(bytes) {}

    // Null when there isn't as much left. A request costs something beside its body.
    [[nodiscard]] std::shared_ptr<BulkShare> enter(std::size_t bytes) const;

  private:
    std::size_t bytes_;
    std::shared_ptr<std::atomic<std::size_t>> used_ = std::make_shared<std::atomic<std::size_t>>(0);
};

struct BulkTask {
    std::weak_ptr<void> client;  // once it is gone, nobody wants to know
    std::chrono::steady_clock::time_point deadline;
    // One statement first, then what is made of its rows. Run once more, on a fresh connection,
    // when it throws db::Unavailable.
    std::function<void(db::LookupConnection&)> run;
    // Instead, when the database can't be asked in time. On a bulk thread or the one that submits.
    std::function<void()> fail;
};

struct BulkOptions {
    std::string uri;
    std::size_t connections = 1;
    std::chrono::milliseconds statement_limit{30'000};
    // Called on a bulk thread when the database can't be reached.
    std::function<void()> revive;
};

class BulkLookups {
  public:
    explicit BulkLookups(BulkOptions options);
    ~BulkLookups();  // fails what is queued, ends the threads
    BulkLookups(const BulkLookups&) = delete;
    BulkLookups& operator=(const BulkLookups&) = delete;

    // Any thread; returns at once. Tasks run in the order they come.
    void submit(BulkTask task);

  private:
    struct Worker;

    void run(Worker& worker);
    [[nodiscard]] bool next_task(BulkTask& task);
    void do_task(Worker& worker, const BulkTask& task);
    [[nodiscard]] bool try_task(Worker& worker, const BulkTask& task);
    [[nodiscard]] bool connect(Worker& worker);
    void disconnect(Worker& worker);
    void fail_all();

    BulkOptions options_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<BulkTask> tasks_;
    bool stopping_ = false;
    std::atomic<bool> away_ = false;  // logged once, not for each task
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace narthex::service
