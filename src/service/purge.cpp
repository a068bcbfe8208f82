#include "narthex/service/purge.hpp"

#include "collecting.hpp"
#include "condemned_files.hpp"

#include "narthex/db/audit.hpp"
#include "narthex/db/purging.hpp"
#include "narthex/db/rescue.hpp"
#include "narthex/db/uploads.hpp"

#include <fmt/format.h>

#include <limits>

namespace narthex::service {

namespace {

constexpr std::size_t k_chunk = 500;
constexpr int k_files = 500;
constexpr std::size_t k_named_failures = 20;

class Purging {
  public:
    Purging(
        db::Connection& connection,
        db::Connection& work,
        const PurgeOptions& options,
        const CollectEvents& events
    )
        : work_(connection, events, options.rate), reader_(work), options_(options) {}

    Result<PurgeReport> run() {
        if (auto locked = work_.lock("narthex gc purge"); !locked) return locked.error();
        auto due = list_due();
        if (!due) return due.error();
        if (!due->empty()) {
            if (auto reached = wait_for_regions(); !reached) return reached.error();
        }
        if (stop()) return report_;
        for (const auto& plan : *due) {
            if (auto purged = purge(plan); !purged) return purged.error();
            if (stop()) return report_;
        }
        unlink_files();
        return std::move(report_);
    }

  private:
    using Plans = std::vector<db::Collection>;

    [[nodiscard]] bool stop() { return report_.interrupted = work_.stopped(); }

    [[nodiscard]] Result<Plans> list_due() {
        Plans all;
        work_.read([&](db::Tx& tx) { all = db::list_collections(tx, options_.cache); });
        std::erase_if(all, [](const db::Collection& plan) {
            return plan.state != PlanState::hidden && plan.state != PlanState::purging;
        });
        if (options_.plan) return only(*options_.plan, all);
        Plans due;
        for (const auto& plan : all) {
            const auto answer = ask(plan);
            if (!answer) return answer.error();
            if (*answer == PurgeAnswer::purge) due.push_back(plan);
        }
        return due;
    }

    // One plan, whose paths nothing that was hidden before needs.
    [[nodiscard]] Result<Plans> only(int id, const Plans& hidden) {
        const auto plan = work_.find(id);
        if (!plan) return plan.error();
        if (plan->cache != options_.cache) {
            return Error{fmt::format("plan {} is of another cache", id)};
        }
        const auto answer = ask(*plan);
        if (!answer) return answer.error();
        if (*answer != PurgeAnswer::purge) return Plans{};
        if (hidden.front().plan == id) return Plans{*plan};
        return Error{fmt::format(
            "plan {} was hidden before plan {}, and its paths may need those: purge or restore it "
            "first",
            hidden.front().plan,
            id
        )};
    }

    // A region that still serves what goes would hand out narinfos without their NARs.
    [[nodiscard]] Result<void> wait_for_regions() {
        if (options_.forced_lagging_region) return {};
        std::vector<std::string> cut_off;
        work_.read([&](db::Tx& tx) { cut_off = db::list_cut_off_regions(tx); });
        if (cut_off.empty()) {
            return work_.wait_for_regions(
                options_.region_limit, "may still serve what would be purged", "narthex gc purge"
            );
        }
        return Error{fmt::format(
            "region {0} is cut off, since it has no slot any more, and may still serve what would "
            "be purged: let it join again, or 'narthex replica remove {0}'; 'narthex gc purge "
            "--force-lagging-region' purges all the same",
            cut_off.front()
        )};
    }

    [[nodiscard]] Result<PurgeAnswer> ask(const db::Collection& plan) {
        auto answer = may_purge(
            {plan.plan,
             plan.state,
             plan.now - plan.hidden_at.value_or(0),
             options_.after.count(),
             options_.promised.count(),
             options_.forced_early}
        );
        if (answer && *answer == PurgeAnswer::not_due) report_.not_due.push_back(plan.plan);
        return answer;
    }

    Result<void> purge(const db::Collection& plan) {
        report_.plans.push_back({plan.plan});
        for (const auto step : k_purge_steps) {
            if (step == PurgeStep::recheck) {
                if (auto rescued = recheck(plan); !rescued) return rescued;
            } else {
                remove(plan);
            }
        }
        return {};
    }

    // Who wants a path rescues it at once, but for roots that live again by a changed rule. Looked
    // up before the lock is taken, since that may take long.
    Result<void> recheck(const db::Collection& plan) {
        const auto hidden = list_wanted(plan);
        try {
            work_.transaction(lock_of(PurgeStep::recheck), [&](db::Tx& tx) {
                report_.plans.back().rescued = db::rescue(tx, plan.cache, hidden);
                db::set_plan_state(tx, plan.plan, PlanState::purging);
            });
        } catch (const db::ClosurePurged& error) {
            return Error{fmt::format(
                "a root wants paths of plan {}, but {} that they need has been purged: publish "
                "that again, or remove the root",
                plan.plan,
                error.missing().front().to_string()
            )};
        }
        work_.tell("looking for what is wanted", 0, 0);
        return {};
    }

    // Of the paths that the plan hides.
    [[nodiscard]] std::vector<HashPart> list_wanted(const db::Collection& plan) {
        std::vector<HashPart> hidden;
        work_.read([&](db::Tx& tx) {
            auto wanted = rooted_since(tx, plan);
            const auto leased = db::list_leased(tx, plan.cache);
            wanted.insert(wanted.end(), leased.begin(), leased.end());
            hidden = db::list_hidden_among(tx, plan, wanted);
        });
        return hidden;
    }

    void remove(const db::Collection& plan) {
        auto& report = report_.plans.back();
        const auto most = work_.largest_batch(k_chunk);
        int before = std::numeric_limits<int>::max();
        while (!work_.stopped()) {
            db::PurgeChunk chunk{};
            work_.wait_for_turn(most);
            work_.transaction(lock_of(PurgeStep::remove), [&](db::Tx& tx) {
                chunk = db::purge_chunk(tx, plan, before, static_cast<int>(most));
            });
            if (chunk.done) return finish(plan);
            before = chunk.last;
            report.narinfos += chunk.narinfos;
            report.nar_size += chunk.nar_size;
            report.condemned += chunk.condemned;
            report.elsewhere += chunk.elsewhere;
            work_.tell("purging", report.narinfos, plan.paths);
        }
    }

    void finish(const db::Collection& plan) {
        auto& report = report_.plans.back();
        reader_.write([&](db::Tx& tx) { report.logs = db::delete_logs(tx, plan); });
        work_.transaction(PublishingLock::none, [&](db::Tx& tx) {
            db::set_plan_state(tx, plan.plan, PlanState::purged);
            db::add_audit(
                tx,
                {options_.who,
                 "gc purge",
                 plan.cache,
                 fmt::format("plan {}", plan.plan),
                 "",
                 fmt::format(R"({{"paths": {}, "files": {}}})", report.narinfos, report.condemned)}
            );
        });
    }

    // Of earlier purges, too. What can't be unlinked stays condemned.
    void unlink_files() {
        CondemnedFiles directories;
        db::CondemnedFile last;
        for (auto files = list_files(last); !files.empty() && !stop(); files = list_files(last)) {
            last = files.back();
            unlink(directories, files);
        }
    }

    [[nodiscard]] std::vector<db::CondemnedFile> list_files(const db::CondemnedFile& after) {
        std::vector<db::CondemnedFile> files;
        work_.transaction(PublishingLock::alone, [&](db::Tx& tx) {
            db::spare_placed_files(tx, after, k_files);
            files = db::list_condemned_files(tx, after, k_files);
        });
        return files;
    }

    void unlink(CondemnedFiles& directories, const std::vector<db::CondemnedFile>& files) {
        std::vector<const db::CondemnedFile*> gone;
        for (const auto& file : files) {
            const auto unlinked = directories.unlink(file);
            if (unlinked) {
                gone.push_back(&file);
                continue;
            }
            ++report_.failed;
            if (report_.failures.size() < k_named_failures) {
                report_.failures.push_back(unlinked.error().message);
            }
        }
        directories.sync();
        work_.transaction(PublishingLock::none, [&](db::Tx& tx) {
            for (const auto* file : gone) db::forget_condemned_nar(tx, file->site, file->path);
        });
        report_.unlinked += gone.size();
        work_.tell("unlinking", report_.unlinked, 0);
    }

    Collecting work_;
    db::Connection& reader_;
    const PurgeOptions& options_;
    PurgeReport report_;
};

}  // namespace

Result<PurgeReport> purge_plans(
    db::Connection& connection,
    db::Connection& work,
    const PurgeOptions& options,
    const CollectEvents& events
) {
    return Purging(connection, work, options, events).run();
}

}  // namespace narthex::service
