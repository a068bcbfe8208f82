// Who may do what: all tokens in memory, as DatabaseWatch reads them: when the database says that
// they have changed and four times a second in any case, so that a revocation counts within a
// second on every server, also where its listening connection is lost. A server that hasn't been
// able to read them for a second says `unconfirmed` instead of granting anything. Nothing is asked
// of the database for a request.
#pragma once

#include "narthex/core/token.hpp"
#include "narthex/service/database_watch.hpp"
#include "narthex/service/token_uses.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

namespace narthex::service {

// The token of a request that was granted what it asked for.
struct Grant {
    int token;  // its id
    std::string name;
};

class Access : public Watched {
  public:
    // `uri`: where last uses are stored.
    explicit Access(std::string uri);
    // Stores when tokens were last used, unless the database is away.
    ~Access() override;
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;

    void read(db::Connection& connection) override;

    // Whether a request with this Authorization field (empty: none) may use `scope` in `cache`.
    // What the field holds is never logged. Any thread.
    [[nodiscard]] std::variant<Grant, Denial> check(
        std::string_view authorization, int cache, Scope scope
    ) const;

    // Whether the field holds a token that may use `scope` in `cache` as far as was last known,
    // also while the database is away. Grants nothing. Any thread.
    [[nodiscard]] bool knows(std::string_view authorization, int cache, Scope scope) const;

  private:
    using Clock = std::chrono::steady_clock;
    struct Snapshot;

    [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;

    TokenUses uses_;
    mutable std::mutex mutex_;                  // held for moments
    std::shared_ptr<const Snapshot> snapshot_;  // never null
};

}  // namespace narthex::service
