// Threads with a database connection each, on which what clients upload is stored. A task is tried
// again while the database is away, until its deadline: Nix below 2.34 can't repeat a PUT that was
// answered with a 503. Tasks are such that doing one twice is harmless.
#pragma once

#include "narthex/db/connection.hpp"

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

// Why a task wasn't done.
enum class PublishFault {
    away,       // the database can't be asked
    in_doubt,   // it was, but nobody knows whether it was done
    full,       // the database's disk is full
    failed,     // the database refused it
    elsewhere,  // this instance isn't the primary
};

struct PublishTask {
    std::chrono::steady_clock::time_point deadline;
    std::function<void(db::Connection&)> run;  // may be called several times
    // Instead, once it is given up. On a thread of Publishing's or the one that submits. `reason`
    // is empty but for elsewhere: where to write instead.
    std::function<void(PublishFault, const std::string& reason)> fail;
};

struct PublishingOptions {
    std::string uri;
    std::size_t connections = 2;
    // Called on one of its threads when the database can't be reached.
    std::function<void()> revive;
};

class Publishing {
  public:
    explicit Publishing(PublishingOptions options);
    ~Publishing();  // fails what is queued, ends the threads
    Publishing(const Publishing&) = delete;
    Publishing& operator=(const Publishing&) = delete;

    // Any thread; returns at once.
    void submit(PublishTask task);

  private:
    struct Worker;

    void run(Worker& worker);
    [[nodiscard]] bool next_task(PublishTask& task);
    void do_task(Worker& worker, const PublishTask& task);
    void try_task(Worker& worker, const PublishTask& task);
    void connect(Worker& worker);
    void disconnect(Worker& worker);
    [[nodiscard]] bool pause();

    PublishingOptions options_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable stop_;
    std::deque<PublishTask> tasks_;
    bool stopping_ = false;
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace narthex::service
