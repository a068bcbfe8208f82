#include "narthex/service/restore.hpp"

#include "collecting.hpp"

#include "narthex/db/audit.hpp"
#include "narthex/db/rescue.hpp"
#include "narthex/db/tags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace narthex::service {

namespace {

constexpr std::size_t k_chunk = 10'000;
constexpr std::size_t k_rate = 200'000;
constexpr int k_named = 20;

Error purged(const std::string& what, std::span<const HashPart> missing) {
    std::string names;
    for (const auto& path : missing.first(std::min<std::size_t>(missing.size(), k_named))) {
        names += ' ' + path.to_string();
    }
    return {fmt::format(
        "{} can't be served again: a part of what it needs has been purged, publish it first:{}",
        what,
        names
    )};
}

class Restoring {
  public:
    Restoring(
        db::Connection& connection,
        db::Connection& joins,
        int plan,
        const std::string& who,
        const CollectEvents& events
    )
        : work_(connection, events, k_rate), joins_(joins), plan_id_(plan), who_(who) {}

    Result<RestoreReport> run() {
        if (auto locked = work_.lock("narthex gc restore"); !locked) return locked.error();
        auto found = work_.find(plan_id_);
        if (!found) return found.error();
        plan_ = *found;
        const auto answer = may_restore(plan_.plan, plan_.state);
        if (!answer) return answer.error();
        switch (*answer) {
            case RestoreAnswer::flip_back:
                return flip_back();
            case RestoreAnswer::forget_rows:
                return forget_rows();
            case RestoreAnswer::nothing_to_do:
                break;
        }
        report_.served_already = true;
        return report_;
    }

  private:
    Result<RestoreReport> flip_back() {
        std::vector<HashPart> missing;
        joins_.read([&](db::Tx& tx) { missing = db::list_purged_references(tx, plan_, k_named); });
        const auto name = fmt::format("plan {}", plan_.plan);
        if (!missing.empty()) return purged(name, missing);
        try {
            for (const auto step : k_restore_steps) run(step);
        } catch (const db::ClosurePurged& error) {
            return purged(name, error.missing());
        }
        return report_;
    }

    void run(RestoreStep step) {
        if (step == RestoreStep::rescue_reached) {
            rescue_reached();
        } else {
            work_.transaction(lock_of(step), [this](db::Tx& tx) { flip(tx); });
        }
        work_.tell("restoring", report_.restored, 0);
    }

    // Looked up before the lock is taken, since that takes long: no collector writes rows
    // meanwhile.
    void rescue_reached() {
        std::vector<HashPart> elsewhere;
        joins_.read([&](db::Tx& tx) {
            report_.restored = db::count_hidden(tx, *plan_.batch);
            elsewhere = db::list_reached_elsewhere(tx, plan_);
        });
        work_.transaction(lock_of(RestoreStep::rescue_reached), [&](db::Tx& tx) {
            db::rescue(tx, plan_.cache, elsewhere);
        });
    }

    void flip(db::Tx& tx) {
        db::deactivate_batch(tx, plan_);
        note(tx);
    }

    // Backwards, so to say: the state changes last, and what is left is without effect.
    Result<RestoreReport> forget_rows() {
        std::size_t gone = 0;
        do {
            work_.transaction(PublishingLock::none, [&](db::Tx& tx) {
                gone = db::forget_hidden(tx, *plan_.batch, k_chunk);
                if (gone > 0) return;
                db::set_plan_state(tx, plan_.plan, PlanState::restored);
                note(tx);
            });
            work_.tell("forgetting", report_.restored += gone, plan_.paths);
            work_.wait_for_turn(gone);
        } while (gone > 0 && !work_.stopped());
        return report_;
    }

    void note(db::Tx& tx) {
        db::add_audit(
            tx,
            {who_,
             "gc restore",
             plan_.cache,
             fmt::format("plan {}", plan_.plan),
             "",
             fmt::format(R"({{"paths": {}}})", report_.restored)}
        );
    }

    Collecting work_;
    db::Connection& joins_;
    int plan_id_;
    const std::string& who_;
    db::Collection plan_{};
    RestoreReport report_;
};

// Those that the cache doesn't have at all.
std::vector<HashPart> absent(db::Tx& tx, int cache, std::span<const HashPart> paths) {
    const auto known = db::find_known(tx, cache, paths);
    const std::set<HashPart> there(known.begin(), known.end());
    std::vector<HashPart> out;
    for (const auto& path : paths) {
        if (!there.contains(path)) out.push_back(path);
    }
    return out;
}

}  // namespace

Result<RestoreReport> restore_plan(
    db::Connection& connection,
    db::Connection& work,
    int plan,
    const std::string& who,
    const CollectEvents& events
) {
    return Restoring(connection, work, plan, who, events).run();
}

Result<RestoreReport> restore_paths(
    db::Connection& connection, int cache, std::span<const HashPart> paths, const std::string& who
) {
    RestoreReport report;
    std::vector<HashPart> missing;
    const std::string what = paths.size() == 1 ? paths.front().to_string() : "that";
    try {
        connection.write([&](db::Tx& tx) {
            db::lock_publishing(tx);
            missing = absent(tx, cache, paths);
            if (!missing.empty()) return;
            report.restored = db::rescue(tx, cache, paths);
            report.served_already = report.restored == 0;
            for (const auto& path : paths) {
                if (report.served_already) break;
                db::add_audit(tx, {who, "gc restore", cache, path.to_string(), "", "{}"});
            }
        });
    } catch (const db::ClosurePurged& error) {
        return purged(what, error.missing());
    }
    if (missing.empty()) return report;
    return Error{fmt::format(
        "the cache doesn't have {}: it was never published, or is purged",
        missing.front().to_string()
    )};
}

}  // namespace narthex::service
