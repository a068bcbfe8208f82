// Who may do what: all tokens in memory, read again when the database says that they have changed
// and four times a second in any case, so that a revocation counts within a second on every server,
// also where its listening connection is lost. A server that hasn't been able to read them for a
// second says `unconfirmed` instead of granting anything.
// Nothing is asked of the database for a request.
#pragma once

#include "narthex/core/token.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/service/token_uses.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

namespace narthex::service {

// The token of a request that was granted what it asked for.
struct Grant {
    int token;  // its id
    std::string name;
};

class Access {
  public:
    // Reads the tokens; throws what db throws.
    explicit Access(std::string uri);
    // Stores when tokens were last used, unless the database is away.
    ~Access();
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;

    // Whether a request with this Authorization field (empty: none) may use `scope` in `cache`.
    // What the field holds is never logged. Any thread.
    [[nodiscard]] std::variant<Grant, Denial> check(
        std::string_view authorization, int cache, Scope scope
    ) const;

    // Whether the field holds a token that may use `scope` in `cache` as far as was last known,
    // also while the database is away. Grants nothing. Any thread.
    [[nodiscard]] bool knows(std::string_view authorization, int cache, Scope scope) const;

    // Reads the tokens soon. Any thread.
    void refresh_soon();

  private:
    using Clock = std::chrono::steady_clock;
    struct Snapshot;

    void run();
    void refresh();
    [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;

    std::string uri_;
    TokenUses uses_;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    mutable std::mutex mutex_;                    // held for moments
    std::condition_variable wake_;
    std::shared_ptr<const Snapshot> snapshot_;  // never null
    bool refresh_soon_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace narthex::service
