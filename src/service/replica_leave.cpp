#include "narthex/service/replica_leave.hpp"

#include "narthex/db/instance.hpp"
#include "narthex/db/primary.hpp"
#include "narthex/db/subscription.hpp"
#include "narthex/service/replica_copy.hpp"

#include <fmt/format.h>

#include <chrono>

namespace narthex::service {

namespace {

constexpr std::chrono::seconds k_slots_limit(30);
constexpr std::string_view k_no_region = "NX002";  // migrations/0008_regions.sql

void say_goodbye(db::Connection& primary) {
    try {
        primary.write([](db::Tx& tx) { db::leave_region(tx); });
    } catch (const db::QueryFailed& error) {
        if (error.sqlstate() != k_no_region) throw;  // it was said before
    } catch (const db::NotPrimary&) {
        // Another has replaced it: what it says of regions counts no more.
    }
}

class Leave {
  public:
    explicit Leave(const std::string& database) : local_(database, db::Session::work) {}

    Result<Left> run(bool force) {
        read();
        const bool is_region =
            here_.role == db::InstanceRole::region || here_.role == db::InstanceRole::joining;
        if (!is_region) return Error{"this is no region: there is nothing to leave"};
        const auto not_told = tell_primary();
        if (not_told && !force) {
            follow_on();
            return Error{fmt::format(
                "{}; --force leaves all the same, and then 'narthex replica remove {}' is to be "
                "run on "
                "the primary",
                *not_told,
                here_.name
            )};
        }
        local_.write([](db::Tx& tx) {
            db::drop_subscription(tx);
            db::become_empty(tx);
        });
        return Left{here_.name, here_.primary_url, not_told};
    }

  private:
    void read() {
        local_.read([this](db::Tx& tx) {
            here_ = db::read_instance(tx);
            subscription_ = db::find_subscription(tx);
            uri_ = db::subscription_uri(tx);
        });
    }

    // Why that isn't possible. Then nothing was changed here but that it doesn't follow.
    std::optional<std::string> tell_primary() {
        if (!subscription_ || !uri_) return "the subscription narthex has gone already";
        try {
            db::Connection primary(*uri_, db::Session::work);
            local_.write([](db::Tx& tx) { db::disable_subscription(tx); });
            if (!drop_own_slots(primary, *subscription_, k_slots_limit)) {
                return "the primary still uses the slot";
            }
            say_goodbye(primary);
            return std::nullopt;
        } catch (const db::Unavailable& error) {
            return error.what();
        } catch (...) {
            follow_on();
            throw;
        }
    }

    // It is a region still.
    void follow_on() {
        if (!subscription_ || !subscription_->enabled) return;
        local_.write([](db::Tx& tx) { db::enable_subscription(tx); });
    }

    db::Connection local_;
    db::Instance here_;
    std::optional<db::Subscription> subscription_;
    std::optional<std::string> uri_;
};

}  // namespace

Result<Left> leave_primary(const std::string& database, bool force) {
    return Leave(database).run(force);
}

}  // namespace narthex::service
