#include "narthex/service/plan.hpp"

#include "narthex/db/plans.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <unordered_map>

namespace narthex::service {

namespace {

constexpr std::size_t k_most_tags = 20;
constexpr int k_requested_days = 90;
constexpr std::int64_t k_day = 86400;
constexpr std::uint64_t k_progress_interval = 16384;
constexpr double k_tb = 1e12;

nlohmann::json keep_json(const KeepPolicy& keep) {
    return {
        {"keep_reference_free", keep.reference_free},
        {"keep_content_addressed", keep.content_addressed},
        {"min_age_seconds", keep.min_age},
        {"requested_within_seconds", keep.requested_within}};
}

std::string policy_json(const PlanOptions& options) {
    auto policy = keep_json(options.keep);
    policy["cap"] = options.limits.planned;
    policy["shrink"] = options.limits.shrunk;
    policy["unresolved"] = options.limits.unresolved;
    return policy.dump();
}

// Whoever lets policies keep less knows that less will live.
bool kept_by(const db::Plan& plan, const KeepPolicy& keep) {
    const auto policy = nlohmann::json::parse(plan.policy, nullptr, false);
    if (!policy.is_object()) return false;
    const auto wanted = keep_json(keep);
    return std::ranges::all_of(wanted.items(), [&](const auto& item) {
        return policy.value(item.key(), nlohmann::json()) == item.value();
    });
}

int requested_days(const KeepPolicy& keep) {
    if (keep.requested_within == 0) return k_requested_days;
    return static_cast<int>((keep.requested_within + k_day - 1) / k_day);
}

// Paths that lived at a plan.
std::optional<std::uint64_t> live_paths(const db::Plan& plan) {
    const auto summary = nlohmann::json::parse(plan.summary, nullptr, false);
    const auto live = summary.find("live");
    if (live == summary.end() || !live->is_object()) return std::nullopt;
    return live->value("paths", std::uint64_t{0});
}

// Within one transaction, whose snapshot the reader shares.
class Planning {
  public:
    Planning(
        const std::string& database,
        const PlanOptions& options,
        const PlanEvents& events,
        db::Tx& tx
    )
        : options_(options),
          events_(events),
          tx_(tx),
          roots_(judge_roots(tx, options.cache.id, options.now)),
          reader_(database, db::export_snapshot(tx), events.stop),
          last_(reader_.last_path_id()),
          engine_(options.engine.value_or(choose_engine(last_, options.stream_above))),
          rooted_(last_),
          live_(last_),
          released_(last_),
          planned_(last_) {}

    PlanReport run() {
        mark_living();
        mark_released();
        read_requests();
        read_candidates();
        read_nars();
        read_tags();
        compare();
        decide();
        return store();
    }

  private:
    [[nodiscard]] int cache() const { return options_.cache.id; }

    void mark_living() {
        std::map<std::string, std::uint64_t> counts{{"roots", 0}};
        for (const auto& name : policies_of(options_.keep)) counts[name] = 0;
        Bitmap seeds(last_);
        for_each_seed(reader_, cache(), options_.keep, roots_, [&](const Keeper& keeper, int id) {
            seeds.add(id);
            const bool is_new = !keeper.is_root || rooted_.add(id);
            if (is_new) ++counts[keeper.is_root ? "roots" : keeper.name];
        });
        summary_.seeds.assign(counts.begin(), counts.end());
        summary_.roots = living_ids(roots_).size();
        mark(reader_, engine_, seeds, live_, events_.progress);
    }

    // What only roots reach that don't live any more.
    void mark_released() {
        Bitmap seeds(last_);
        reader_.released_seeds(cache(), living_ids(roots_), [&](int, int id) { seeds.add(id); });
        released_ = live_;
        mark(reader_, engine_, seeds, released_, events_.progress);
        released_.remove(live_);
    }

    void read_requests() {
        summary_.requested_days = requested_days(options_.keep);
        reader_.requests(cache(), summary_.requested_days, [&](int id, std::uint64_t times) {
            if (!live_.test(id)) requests_.emplace(id, times);
        });
    }

    void read_candidates() {
        SummaryCount count(live_, released_, requests_, options_.now);
        std::uint64_t resolved = 0;
        std::uint64_t read = 0;
        reader_.candidates(cache(), [&](const db::Candidate& candidate) {
            if (count.add(candidate)) planned_.add(candidate.id);
            if (rooted_.test(candidate.id)) ++resolved;
            if (++read % k_progress_interval == 0) tell("counting", read);
        });
        count.finish(summary_);
        // What a pattern matches is there.
        summary_.rooted_paths = rooted_.count();
        summary_.unresolved = summary_.rooted_paths - resolved;
    }

    // A NAR goes when all who name it do.
    void read_nars() {
        std::int64_t nar = -1;
        std::uint64_t size = 0;
        bool goes = false;
        std::uint64_t read = 0;
        const auto end = [&] {
            if (goes) summary_.file_size += size;
        };
        reader_.nar_owners(cache(), [&](std::int64_t each, std::uint64_t file_size, int id) {
            if (++read % k_progress_interval == 0) tell("counting NARs", read);
            if (each != nar) {
                end();
                nar = each;
                size = file_size;
                goes = true;
            }
            goes = goes && planned_.test(id);
        });
        end();
        if (options_.price_per_tb) {
            summary_.saving_per_month =
                static_cast<double>(summary_.file_size) / k_tb * *options_.price_per_tb;
        }
    }

    void read_tags() {
        std::unordered_map<std::string, Tally> tallies;
        reader_.tags(cache(), [&](const db::TaggedPath& path) {
            if (!planned_.test(path.id)) return;
            tallies[std::string(path.key) + "=" + std::string(path.value)].add(path.nar_size);
        });
        summary_.by_tag = largest(std::move(tallies), k_most_tags);
    }

    void compare() {
        const auto plans = db::list_plans(tx_, cache(), 1);
        if (plans.empty()) return;
        Bitmap before(last_);
        reader_.plan_paths(plans[0].id, [&](int id) { before.add(id); });
        auto added = planned_;
        added.remove(before);
        before.remove(planned_);
        summary_.difference = {plans[0].id, added.count(), before.count()};
        if (kept_by(plans[0], options_.keep)) last_live_ = live_paths(plans[0]);
    }

    void decide() { summary_.interlocks = find_interlocks(summary_, last_live_, options_.limits); }

    PlanReport store() {
        tell("storing", summary_.planned.paths);
        const int id = db::draw_plan_id(tx_);
        auto released = planned_;
        auto unreachable = planned_;
        unreachable.remove(released_);
        released.remove(unreachable);
        db::store_plan_paths(tx_, id, unreachable, released);
        db::store_plan(
            tx_,
            {id,
             cache(),
             options_.created_by,
             std::string(to_string(engine_)),
             policy_json(options_),
             to_json(summary_, options_.cache.store_dir),
             living_ids(roots_)}
        );
        if (events_.stop != nullptr && events_.stop->load()) throw db::Stopped();
        return {id, engine_, std::move(summary_)};
    }

    void tell(std::string_view phase, std::uint64_t paths) const {
        if (events_.progress) events_.progress(phase, paths);
    }

    const PlanOptions& options_;
    const PlanEvents& events_;
    db::Tx& tx_;
    std::vector<JudgedRoot> roots_;
    db::MarkReader reader_;
    int last_;
    Engine engine_;
    Bitmap rooted_;  // paths that living roots name
    Bitmap live_;
    Bitmap released_;
    Bitmap planned_;
    std::unordered_map<int, std::uint64_t> requests_;
    std::optional<std::uint64_t> last_live_;
    PlanSummary summary_;
};

// In transactions of their own: the plan's, which sees one moment, would fail where another planner
// forgets the same ones.
void forget_old_plans(db::Connection& connection, int cache, const std::atomic<bool>* stop) {
    constexpr int k_batch = 10'000;
    connection.write([cache](db::Tx& tx) {
        db::forget_old_plans(tx, cache, std::chrono::seconds(k_unhidden_plan_kept).count());
    });
    for (std::size_t gone = 1; gone > 0 && (stop == nullptr || !stop->load());) {
        connection.write([&](db::Tx& tx) { gone = db::forget_plan_paths(tx, k_batch); });
    }
}

}  // namespace

PlanReport make_plan(
    const std::string& database, const PlanOptions& options, const PlanEvents& events
) {
    db::Connection connection(database, db::Session::work);
    std::optional<PlanReport> report;
    connection.write([&](db::Tx& tx) {
        db::see_one_moment(tx);
        report = Planning(database, options, events, tx).run();
    });
    forget_old_plans(connection, options.cache.id, events.stop);
    return std::move(*report);
}

}  // namespace narthex::service
