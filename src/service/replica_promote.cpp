#include "narthex/service/replica_promote.hpp"

#include "narthex/db/audit.hpp"
#include "narthex/db/instance.hpp"
#include "narthex/db/primary.hpp"
#include "narthex/db/regions.hpp"
#include "narthex/db/subscription.hpp"
#include "narthex/service/old_primary.hpp"
#include "narthex/service/replica_copy.hpp"
#include "narthex/service/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

namespace narthex::service {

namespace {

using db::InstanceRole;

constexpr std::chrono::seconds k_catch_up(120);
constexpr std::chrono::seconds k_slots_limit(5);
constexpr std::string_view k_give_up =
    "where it is gone for good, 'narthex replica promote --forget-old' gives it up";

// Of our own functions (migrations/0008_regions.sql): their texts are for people.
bool is_refusal(const db::QueryFailed& error) {
    return error.sqlstate().starts_with("NX");
}

std::string text_of(const db::QueryFailed& error) {
    constexpr std::string_view k_severity = "ERROR:  ";
    const std::string text = error.what();
    return text.starts_with(k_severity) ? text.substr(k_severity.size()) : text;
}

class Promotion {
  public:
    Promotion(const std::string& database, const PromoteOptions& options)
        : local_(database, db::Session::work), options_(options) {}

    Result<Promoted> run() {
        read();
        if (options_.forgets_old) return forget_old();
        if (is_unfinished()) return finish_fencing();
        if (auto good = check(); !good) return good.error();
        if (!options_.unfenced) {
            if (auto fenced = fence(); !fenced) return fenced.error();
            if (auto applied = catch_up(); !applied) return applied.error();
        }
        take_over();
        if (primary_) drop_slot();
        return Promoted{here_.name, epoch_, others_, primary_ != nullptr, lost_after()};
    }

  private:
    void read() {
        local_.read([this](db::Tx& tx) {
            here_ = db::read_instance(tx);
            subscription_ = db::find_subscription(tx);
            uri_ = db::subscription_uri(tx);
            if (subscription_) tables_ = db::list_table_states(tx, *subscription_);
            heartbeat_ = db::heartbeat_time(tx);
            epoch_ = db::next_epoch(tx);
            for (const auto& each : db::list_regions(tx)) {
                if (each.name != here_.name) others_.push_back(each.name);
            }
        });
        if (!options_.url.empty()) here_.url = options_.url;
    }

    // Promoted with --force-unfenced: the subscription was kept for the way to the old primary.
    [[nodiscard]] bool is_unfinished() const {
        return here_.role == InstanceRole::primary && uri_.has_value();
    }

    [[nodiscard]] Result<void> check() const {
        if (here_.role == InstanceRole::primary) return Error{"this is the primary already"};
        if (here_.role == InstanceRole::fenced) {
            return Error{fmt::format(
                "this primary was replaced by {}: only a region of that can be promoted",
                here_.replaced_by.value_or("another")
            )};
        }
        if (here_.kind != "full") {
            return Error{fmt::format(
                "region {} has only what is needed to answer: a primary needs a copy made with "
                "--full",
                here_.name
            )};
        }
        const bool complete =
            std::ranges::all_of(tables_, [](const auto& table) { return table.state == 'r'; });
        if (here_.role == InstanceRole::region && subscription_ && uri_ && complete) return {};
        return Error{"the copy isn't complete: 'narthex replica status' says how far it is"};
    }

    [[nodiscard]] std::string own_name() const {
        if (here_.url) return *here_.url;
        return here_.name.empty() ? "another primary" : "region " + here_.name;
    }

    // From its return on the old primary writes nothing.
    Result<void> fence() {
        try {
            primary_ = std::make_unique<db::Connection>(*uri_, db::Session::work);
            keep_url();
            primary_->write([this](db::Tx& tx) {
                position_ = db::fence_primary(tx, epoch_, own_name());
            });
            return {};
        } catch (const db::QueryFailed& error) {
            if (!is_refusal(error)) throw;
            return Error{text_of(error)};
        } catch (const db::Unavailable& error) {
            return Error{fmt::format(
                "{}; where it is gone for good, --force-unfenced promotes all the same, and what "
                "was "
                "published after {} is lost",
                error.what(),
                heartbeat_ ? time_text(*heartbeat_) : "the last heartbeat"
            )};
        }
    }

    // Before others are told of it: what goes on after a kill says the same.
    void keep_url() {
        if (options_.url.empty()) return;
        local_.write([this](db::Tx& tx) { db::set_instance_url(tx, options_.url); });
    }

    Result<void> catch_up() {
        if (!subscription_->enabled) {
            local_.write([](db::Tx& tx) { db::enable_subscription(tx); });
        }
        return await_applied(*primary_, position_, k_catch_up, options_.stop);
    }

    void take_over() {
        local_.write([this](db::Tx& tx) {
            if (primary_) {
                db::drop_subscription(tx);
            } else {
                db::detach_subscription(tx);
            }
            if (here_.url) db::set_instance_url(tx, *here_.url);
            db::become_primary(tx, epoch_);
            db::add_audit(
                tx,
                {options_.who,
                 "replica promote",
                 std::nullopt,
                 here_.name,
                 primary_ ? "" : "the old primary couldn't be asked"}
            );
        });
    }

    // What it holds back there is of no use any more. Where that fails, following drops it.
    void drop_slot() noexcept {
        try {
            static_cast<void>(drop_own_slots(*primary_, *subscription_, k_slots_limit));
        } catch (const std::exception&) {
            return;
        }
    }

    Result<Promoted> finish_fencing() {
        constexpr std::chrono::seconds k_limit(60);
        if (!options_.url.empty()) {
            local_.write([this](db::Tx& tx) { db::set_instance_url(tx, options_.url); });
        }
        const auto old_primary = find_old_primary(local_);
        if (!old_primary) return Error{"this is the primary already"};  // `serve` was faster
        try {
            db::PrimaryConnection there(old_primary->uri, k_limit);
            fence_old_primary(local_, there, *old_primary);
        } catch (const db::QueryFailed& error) {
            if (!is_refusal(error)) throw;
            return Error{fmt::format("{}; {}", text_of(error), k_give_up)};
        } catch (const db::Unavailable& error) {
            return Error{fmt::format("{}; {}", error.what(), k_give_up)};
        }
        return Promoted{"", old_primary->epoch, {}, true, {}};
    }

    Result<Promoted> forget_old() {
        const auto old_primary = find_old_primary(local_);
        if (!old_primary) return Error{"there is no old primary that is still to be fenced"};
        forget_old_primary(local_, *old_primary, options_.who);
        return Promoted{"", old_primary->epoch, {}, false, {}};
    }

    [[nodiscard]] std::optional<std::int64_t> lost_after() const {
        if (primary_) return std::nullopt;
        return heartbeat_;
    }

    db::Connection local_;
    const PromoteOptions& options_;
    db::Instance here_;
    std::optional<db::Subscription> subscription_;
    std::vector<db::TableState> tables_;
    std::optional<std::string> uri_;
    std::optional<std::int64_t> heartbeat_;
    std::int64_t epoch_ = 0;
    std::vector<std::string> others_;
    std::unique_ptr<db::Connection> primary_;  // the old one, as it is fenced
    std::string position_;                     // of its last write
};

}  // namespace

Result<Promoted> promote(const std::string& database, const PromoteOptions& options) {
    return Promotion(database, options).run();
}

}  // namespace narthex::service
