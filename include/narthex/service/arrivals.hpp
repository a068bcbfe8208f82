// Waits, in a region, until narinfos that the primary has taken are in this database too: so that
// whoever has published reads it here as soon as the answer is out. All that wait are asked for in
// one statement, again and again, on a thread and a connection of its own, which exists only while
// somebody waits.
#pragma once

#include "narthex/core/path_key.hpp"
#include "narthex/db/lookup_connection.hpp"
#include "narthex/service/log_limit.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace narthex::service {

class Arrivals {
  public:
    using Clock = std::chrono::steady_clock;
    using Done = std::function<void(bool is_here)>;

    explicit Arrivals(std::string uri);
    ~Arrivals();  // stop()
    Arrivals(const Arrivals&) = delete;
    Arrivals& operator=(const Arrivals&) = delete;

    // `done` is called once: true when the path is served here, false at `until`. On its thread,
    // unless it is stopped first. Any thread.
    void wait(const PathKey& key, Clock::time_point until, Done done);

    void stop();

  private:
    struct Waiting {
        PathKey key;
        Clock::time_point until;
        Done done;
    };

    void run();
    [[nodiscard]] bool await_work();
    [[nodiscard]] std::vector<bool> look(const std::vector<PathKey>& keys);
    void connect();
    void end(const std::vector<PathKey>& keys, const std::vector<bool>& here);

    std::string uri_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Waiting> waiting_;
    bool stopping_ = false;
    std::unique_ptr<db::LookupConnection> connection_;  // replaced under the mutex
    LogLimit log_;                                      // the thread's
    std::thread thread_;
};

}  // namespace narthex::service
