#include "narthex/service/replica_copy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <vector>

namespace narthex::service {

namespace {

constexpr std::chrono::milliseconds k_pause(100);
// So many without a row or a table more.
constexpr int k_errors = 4;

bool is_stopped(const std::atomic<bool>* stop) {
    return stop != nullptr && stop->load();
}

Error interrupted() {
    return Error{"interrupted: the same again goes on"};
}

bool is_copied(const db::TableState& table) {
    return table.state == 'r' || table.state == 's' || table.state == 'f';
}

// Of a table that is under way, by its rows: what is on the wire has another size than on the disk.
std::uint64_t bytes_of(const db::TableState& table, const db::TableSize& size) {
    if (is_copied(table)) return static_cast<std::uint64_t>(size.bytes);
    if (size.rows == 0) return 0;
    const auto share = static_cast<double>(table.copied) / static_cast<double>(size.rows);
    return static_cast<std::uint64_t>(std::min(share, 1.0) * static_cast<double>(size.bytes));
}

class Copy {
  public:
    Copy(db::Connection& local, const CopyOptions& options) : local_(local), options_(options) {}

    Result<void> wait() {
        for (;; std::this_thread::sleep_for(k_pause)) {
            if (is_stopped(options_.stop)) return interrupted();
            look();
            if (!subscription_) return Error{"the subscription narthex has gone: join again"};
            const auto now = progress();
            if (options_.progress) options_.progress(now);
            if (!tables_.empty() && all_follow()) return {};
            if (auto good = check_errors(now); !good) return good;
        }
    }

  private:
    void look() {
        local_.read([this](db::Tx& tx) {
            subscription_ = db::find_subscription(tx);
            tables_.clear();
            if (subscription_) tables_ = db::list_table_states(tx, *subscription_);
        });
    }

    [[nodiscard]] bool all_follow() const {
        return std::ranges::all_of(tables_, [](const auto& each) { return each.state == 'r'; });
    }

    [[nodiscard]] CopyProgress progress() const {
        CopyProgress out{0, tables_.size(), 0, 0, 0};
        for (const auto& table : tables_) {
            const auto found = options_.sizes.find(table.table);
            const auto size = found == options_.sizes.end() ? db::TableSize{0, 0} : found->second;
            const auto rows = is_copied(table) ? size.rows : table.copied;
            out.tables_done += is_copied(table) ? 1 : 0;
            out.rows += static_cast<std::uint64_t>(std::max<std::int64_t>(rows, 0));
            out.bytes += bytes_of(table, size);
            out.total_bytes += static_cast<std::uint64_t>(size.bytes);
        }
        return out;
    }

    // PostgreSQL tries again every five seconds, whatever the error: a connection that was cut
    // mends.
    Result<void> check_errors(const CopyProgress& now) {
        const auto done = std::pair(now.tables_done, now.rows);
        if (!last_ || done != *last_) errors_then_ = subscription_->errors;
        last_ = done;
        if (subscription_->errors - errors_then_ < k_errors) return {};
        return Error{
            "the copy stops at an error again and again: the log of this region's PostgreSQL says "
            "which; "
            "when that is mended, the same again goes on"};
    }

    db::Connection& local_;
    const CopyOptions& options_;
    std::optional<db::Subscription> subscription_;
    std::vector<db::TableState> tables_;
    std::optional<std::pair<std::size_t, std::uint64_t>> last_;
    std::int64_t errors_then_ = 0;
};

}  // namespace

Result<void> await_copy(db::Connection& local, const CopyOptions& options) {
    return Copy(local, options).wait();
}

Result<void> await_applied(
    db::Connection& primary,
    const std::string& position,
    std::chrono::seconds limit,
    const std::atomic<bool>* stop
) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (bool past = false;; std::this_thread::sleep_for(k_pause)) {
        primary.read([&](db::Tx& tx) { past = db::is_slot_past(tx, position); });
        if (past) return {};
        if (is_stopped(stop)) return interrupted();
        if (std::chrono::steady_clock::now() < end) continue;
        return Error{fmt::format(
            "this region hasn't got what its primary had {} s ago: 'narthex replica status' says "
            "how far "
            "it is; the same again goes on",
            limit.count()
        )};
    }
}

bool drop_own_slots(
    db::Connection& primary, const db::Subscription& subscription, std::chrono::seconds limit
) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (bool dropped = false;; std::this_thread::sleep_for(k_pause)) {
        primary.write([&](db::Tx& tx) { dropped = db::try_drop_own_slots(tx, subscription); });
        if (dropped || std::chrono::steady_clock::now() > end) return dropped;
    }
}

}  // namespace narthex::service
