// What hiding, restoring and purging share: the lock that keeps collectors apart, transactions
// under the publishing lock, the rate, and whom to tell.
#pragma once

#include "narthex/core/collect_rules.hpp"
#include "narthex/db/collecting.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/service/collect_events.hpp"
#include "narthex/service/pace.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace narthex::service {

class Collecting {
  public:
    // `connection` and `events` outlive it. `rate`: paths a second, at least 1.
    Collecting(db::Connection& connection, const CollectEvents& events, std::size_t rate);

    // From now on until the connection ends no other collector works on this database. The error
    // says who does.
    [[nodiscard]] Result<void> lock(const std::string& command);
    [[nodiscard]] Result<db::Collection> find(int plan);

    void transaction(PublishingLock lock, const std::function<void(db::Tx&)>& job);
    void read(const std::function<void(db::Tx&)>& job) { connection_.read(job); }

    [[nodiscard]] bool stopped() const { return events_.stop != nullptr && events_.stop->load(); }
    // At most so many paths in a transaction.
    [[nodiscard]] std::size_t largest_batch(std::size_t most) const;
    // Until the rate allows so many, or the work shall end.
    void wait_for_turn(std::size_t paths);
    // Until all regions have applied what was committed until now, or the work shall end. The
    // error, after `limit`, names one, says what that means (`so`), and that `command` doesn't
    // wait.
    [[nodiscard]] Result<void> wait_for_regions(
        std::chrono::milliseconds limit, const std::string& so, const std::string& command
    );
    void tell(std::string_view phase, std::uint64_t done, std::uint64_t total) const;

  private:
    [[nodiscard]] bool wait_for(
        std::chrono::milliseconds limit, const std::function<bool()>& condition
    ) const;

    db::Connection& connection_;
    const CollectEvents& events_;
    Pace pace_;
};

// Path ids that living roots want and that the plan's roots didn't: roots that were added since, or
// that live again by a rule that was changed.
[[nodiscard]] std::vector<int> rooted_since(db::Tx& tx, const db::Collection& collection);

}  // namespace narthex::service
