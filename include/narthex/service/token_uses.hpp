// When tokens were last used: noted in memory, stored once a minute and at the end, on a thread and
// a connection of its own, which is open only then.
#pragma once

#include "narthex/db/connection.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace narthex::service {

class TokenUses {
  public:
    // Seconds since 1970; 0: not used since the start.
    using Cell = std::atomic<std::int64_t>;

    explicit TokenUses(std::string uri);
    // Joins; stop() first.
    ~TokenUses();
    TokenUses(const TokenUses&) = delete;
    TokenUses& operator=(const TokenUses&) = delete;

    // Where uses of a token are to be noted. Lives as long as this. Any thread.
    [[nodiscard]] Cell& cell(int token);

    // `store`: what isn't stored yet is, within half a second or never. Once.
    void stop(bool store);

  private:
    struct Use {
        Cell last = 0;
        std::int64_t stored = 0;
    };

    void run();
    void store();

    std::string uri_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::map<int, Use> uses_;                     // by token
    std::unique_ptr<db::Connection> connection_;  // while it stores
    bool stopping_ = false;
    bool store_at_end_ = false;
    bool given_up_ = false;  // the end waits no longer
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace narthex::service
