#include "narthex/service/hide.hpp"

#include "collecting.hpp"

#include "narthex/core/path_key.hpp"
#include "narthex/db/audit.hpp"

#include <fmt/format.h>

namespace narthex::service {

namespace {

constexpr std::size_t k_chunk = 5000;
constexpr std::size_t k_buckets_a_part = 32;
static_assert(k_buckets % k_buckets_a_part == 0);

class Hiding {
  public:
    Hiding(db::Connection& connection, const HideOptions& options, const CollectEvents& events)
        : work_(connection, events, options.rate), options_(options) {}

    Result<HideReport> run() {
        if (auto locked = work_.lock("narthex gc hide"); !locked) return locked.error();
        auto found = work_.find(options_.plan);
        if (!found) return found.error();
        plan_ = *found;
        const auto answer = ask();
        if (!answer) return answer.error();
        if (*answer == HideAnswer::hidden_already) {
            report_.hidden_already = true;
            return count();
        }
        return hide();
    }

  private:
    [[nodiscard]] Result<HideAnswer> ask() {
        HideQuestion question{
            plan_.plan, plan_.state, plan_.now - plan_.created_at, {}, options_.forced};
        work_.read([&](db::Tx& tx) { question.objections = db::list_objections(tx, plan_.plan); });
        return may_hide(question);
    }

    Result<HideReport> hide() {
        work_.transaction(PublishingLock::none, [this](db::Tx& tx) {
            plan_.batch = db::begin_hiding(tx, plan_.plan);
        });
        for (const auto step : k_hide_steps) {
            if (step == HideStep::flip) {
                if (auto reached = wait_for_regions(); !reached) return reached.error();
            }
            if (work_.stopped()) {
                report_.interrupted = true;
                return report_;
            }
            run(step);
        }
        return count();
    }

    void run(HideStep step) {
        switch (step) {
            case HideStep::write_rows:
                return write_rows();
            case HideStep::announce:
                return announce();
            case HideStep::barrier:
                work_.transaction(lock_of(step), [](db::Tx&) {});
                return work_.tell("waiting for publishers", 0, 0);
            case HideStep::recheck:
                work_.transaction(lock_of(step), [this](db::Tx& tx) { recheck(tx); });
                return work_.tell("looking for what is wanted", 0, 0);
            case HideStep::flip:
                work_.transaction(lock_of(step), [this](db::Tx& tx) { flip(tx); });
                return work_.tell("hidden", plan_.paths, plan_.paths);
        }
    }

    // From the first on, whatever was written before: what somebody wanted for a while only may be
    // hidden, and all else is found again.
    void write_rows() {
        std::uint64_t done = 0;
        db::HideChunk chunk{};
        const auto most = work_.largest_batch(k_chunk);
        do {
            const auto after = chunk.last;
            work_.wait_for_turn(most);
            work_.transaction(lock_of(HideStep::write_rows), [&](db::Tx& tx) {
                chunk = db::write_hidden(tx, plan_.plan, *plan_.batch, after, most);
            });
            done += chunk.looked_at;
            work_.tell("writing", done, plan_.paths);
        } while (chunk.looked_at > 0 && !work_.stopped());
    }

    // Each bucket's answers are looked up again, by servers everywhere: as slowly as the rows were
    // written.
    void announce() {
        const auto paths_a_part = plan_.paths * k_buckets_a_part / k_buckets;
        for (std::size_t end = 0; end < k_buckets && !work_.stopped();) {
            end += k_buckets_a_part;
            work_.wait_for_turn(paths_a_part);
            work_.transaction(lock_of(HideStep::announce), [&](db::Tx& tx) {
                db::announce_batch(tx, *plan_.batch, end);
            });
            work_.tell("announcing", plan_.paths * end / k_buckets, plan_.paths);
        }
    }

    void recheck(db::Tx& tx) {
        auto wanted = db::list_wanted_since(tx, plan_);
        const auto rooted = rooted_since(tx, plan_);
        wanted.insert(wanted.end(), rooted.begin(), rooted.end());
        static_cast<void>(db::take_out(tx, plan_, wanted));
    }

    // So that what takes effect here does everywhere at once.
    Result<void> wait_for_regions() {
        if (options_.forced.contains("lagging-region")) return {};
        return work_.wait_for_regions(
            options_.region_limit,
            fmt::format("doesn't have the rows of plan {} yet", plan_.plan),
            fmt::format("narthex gc hide {}", plan_.plan)
        );
    }

    void flip(db::Tx& tx) {
        db::activate_batch(tx, plan_);
        const auto hidden = db::count_hidden(tx, *plan_.batch);
        db::add_audit(
            tx,
            {options_.who,
             "gc hide",
             plan_.cache,
             fmt::format("plan {}", plan_.plan),
             "",
             fmt::format(R"({{"paths": {}}})", hidden)}
        );
    }

    HideReport count() {
        work_.read([this](db::Tx& tx) { report_.hidden = db::count_hidden(tx, *plan_.batch); });
        report_.rescued = plan_.paths - std::min(plan_.paths, report_.hidden);
        return report_;
    }

    Collecting work_;
    const HideOptions& options_;
    db::Collection plan_{};
    HideReport report_;
};

}  // namespace

Result<HideReport> hide_plan(
    db::Connection& connection, const HideOptions& options, const CollectEvents& events
) {
    return Hiding(connection, options, events).run();
}

}  // namespace narthex::service
