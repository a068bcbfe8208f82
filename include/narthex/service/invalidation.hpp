// Keeps Epochs true to the database: a thread that listens for changes. When its connection is
// lost, or it doesn't hear its own ping for a second, answers in memory aren't trusted until it
// listens again; everything that was stamped before that is too old then.
#pragma once

#include "narthex/db/change_listener.hpp"
#include "narthex/service/epochs.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace narthex::service {

class Invalidation {
  public:
    // `epochs` outlives it. `on_table` is called on its thread with the name of each table that
    // changed in more than one bucket; it is quick.
    Invalidation(
        std::string uri, Epochs& epochs, std::function<void(const std::string& table)> on_table
    );
    ~Invalidation();
    Invalidation(const Invalidation&) = delete;
    Invalidation& operator=(const Invalidation&) = delete;

  private:
    void run();
    void connect();
    void listen();
    void heard(const db::Notice& notice);
    void lost(const std::string& reason);
    [[nodiscard]] bool stopping() const;

    std::string uri_;
    Epochs& epochs_;
    std::function<void(const std::string&)> on_table_;
    mutable std::mutex mutex_;
    bool stopping_ = false;
    std::unique_ptr<db::ChangeListener> listener_;  // replaced under the mutex
    std::condition_variable stop_;
    Epochs::Clock::time_point pinged_at_{};
    std::uint64_t pings_ = 0;
    bool answered_ = true;       // the last ping
    bool reported_lost_ = true;  // one line when it is lost, one when it is back
    std::thread thread_;
};

}  // namespace narthex::service
