// Tells those who wait when the feed of changes goes on. One thread and one connection for all of
// them, which look four times a second while somebody waits; without anybody they do nothing.
#pragma once

#include "narthex/db/changes.hpp"
#include "narthex/db/connection.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace narthex::service {

struct ChangeWait {
    db::ChangeCursor after;
    std::chrono::steady_clock::time_point deadline;
    std::weak_ptr<void> client;  // once it is gone, nobody wants to know
    // Called once, on the watch's thread or on the one that ends it: there is a change after that
    // place, or the deadline has come.
    std::function<void()> wake;
};

class ChangeWatch {
  public:
    // At most `most` wait at once.
    ChangeWatch(std::string uri, std::size_t most);
    ~ChangeWatch();  // wakes all
    ChangeWatch(const ChangeWatch&) = delete;
    ChangeWatch& operator=(const ChangeWatch&) = delete;

    // False when too many wait, or it is ending: nobody will be woken. Any thread.
    [[nodiscard]] bool add(ChangeWait wait);

  private:
    void run();
    [[nodiscard]] bool look();
    void wake_due();

    std::string uri_;
    std::size_t most_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<ChangeWait> waiting_;
    bool stopping_ = false;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    db::ChangeCursor end_;                        // of the feed, as lately seen
    std::thread thread_;
};

}  // namespace narthex::service
