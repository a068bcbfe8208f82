// A region's uplink: a thread with a connection to its primary's PostgreSQL, as the subscription
// has one. It asks the primary's clock twice a second, by which InstanceWatch knows how old what
// the region has is, and says once a second how the region is. The connection is replaced when it
// breaks, with pauses; every wait has a limit. Where this isn't a region it waits to become one.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/primary_connection.hpp"
#include "narthex/db/subscription_state.hpp"
#include "narthex/service/instance_watch.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace narthex::service {

// What is wrong with a region's subscription, and what to do about it: one line, or empty.
// `version`: of the region's schema; `primarys`: of the primary's, 0 where it isn't known.
[[nodiscard]] std::string trouble_of(
    const std::optional<db::SubscriptionState>& subscription, int version, int primarys
);

class Uplink {
  public:
    // `uri`: of the region's own database. `watch` outlives it. `on_primary` is called on its
    // thread with the primary's URI when that is another one; with "" when there is none any more.
    Uplink(
        std::string uri,
        InstanceWatch& watch,
        std::function<void(const std::string& primary)> on_primary
    );
    ~Uplink();  // stop()
    Uplink(const Uplink&) = delete;
    Uplink& operator=(const Uplink&) = delete;

    // Begins to end the thread, which takes a few seconds at most. Any thread.
    void stop();

    // The primary's URI, with its password; empty where there is none. Any thread.
    [[nodiscard]] std::string primary() const;

    struct Figures {
        bool connected = false;
        std::optional<db::SubscriptionState> subscription;  // as it was seen last
        std::string trouble;
    };
    [[nodiscard]] Figures figures() const;  // any thread

  private:
    using Clock = std::chrono::steady_clock;

    void run();
    void turn();
    void look_here();
    void use_primary(const std::string& uri);
    void talk();
    void connect();
    [[nodiscard]] int primary_version() const;
    void report(const db::Instance& instance);
    void lost(const std::string& reason);

    std::string uri_;
    InstanceWatch& watch_;
    std::function<void(const std::string&)> on_primary_;

    // The thread's own.
    int version_ = 0;          // of the schema here
    int primary_version_ = 0;  // of the schema there, when it was asked last
    Clock::time_point looked_at_{};
    Clock::time_point reported_at_{};
    Clock::time_point retry_at_{};
    std::chrono::milliseconds pause_{};
    bool told_lost_ = false;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    Figures figures_;
    std::string primary_uri_;
    std::unique_ptr<db::Connection> here_;  // replaced under the mutex, as is the next
    std::unique_ptr<db::PrimaryConnection> primary_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace narthex::service
