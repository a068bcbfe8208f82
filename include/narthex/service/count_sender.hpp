// Brings a region's request counts to its primary: after each interval, what the primary doesn't
// have yet, as absolute values, so that what is sent twice counts once. A thread and two
// connections of its own, which are open only then: a primary that is far away holds up neither the
// uplink nor the storing of counts. Where this isn't a region it waits to become one.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/primary_connection.hpp"
#include "narthex/service/log_limit.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace narthex::service {

struct CountSenderOptions {
    std::string uri;  // of the region's own database
    std::chrono::seconds interval{10};
    std::function<std::string()> primary;  // its URI; empty: there is none. Any thread.
};

class CountSender {
  public:
    explicit CountSender(CountSenderOptions options);
    ~CountSender();  // stop()
    CountSender(const CountSender&) = delete;
    CountSender& operator=(const CountSender&) = delete;

    // Begins to end the thread. What isn't sent is sent when it is started again. Any thread.
    void stop();

    struct Figures {
        std::uint64_t sent = 0;  // rows, since the start
        std::size_t unsent = 0;  // rows that the primary didn't have when it was looked last
    };
    [[nodiscard]] Figures figures() const { return {sent_, unsent_}; }  // any thread

  private:
    void run();
    void send_all(const std::string& primary);
    [[nodiscard]] bool send_some();
    [[nodiscard]] bool stopping() const;

    CountSenderOptions options_;
    bool failing_ = false;  // the last time
    LogLimit log_;
    std::atomic<std::uint64_t> sent_ = 0;
    std::atomic<std::size_t> unsent_ = 0;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::unique_ptr<db::Connection> here_;  // replaced under the mutex, as is the next
    std::unique_ptr<db::PrimaryConnection> primary_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace narthex::service
