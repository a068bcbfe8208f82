#include "gc_commands.hpp"
#include "gc_common.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/byte_text.hpp"
#include "narthex/app/database.hpp"
#include "narthex/db/collecting.hpp"
#include "narthex/service/purge.hpp"
#include "narthex/service/time_text.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

using service::time_text;

constexpr int k_most_missed = 20;

struct PlanStatus {
    db::Collection plan;
    std::uint64_t hidden = 0;  // paths that its batch has
};

struct Status {
    std::vector<PlanStatus> plans;
    std::vector<db::MissedPath> missed;
    std::uint64_t condemned = 0;
    std::string collector;
};

bool has_rows(const db::Collection& plan) {
    return plan.batch && plan.state != PlanState::restored && plan.state != PlanState::purged;
}

Status ask(db::Connection& connection, int cache) {
    Status status;
    connection.read([&](db::Tx& tx) {
        for (auto& plan : db::list_collections(tx, cache)) {
            const auto hidden = has_rows(plan) ? db::count_hidden(tx, *plan.batch) : 0;
            status.plans.push_back({std::move(plan), hidden});
        }
        status.missed = db::list_missed(tx, cache, k_most_missed);
        status.condemned = db::count_condemned(tx);
        status.collector = db::collector_holder(tx);
    });
    return status;
}

std::optional<std::int64_t> due_at(const db::Collection& plan) {
    if (plan.state != PlanState::hidden || !plan.hidden_at) return std::nullopt;
    return *plan.hidden_at + std::chrono::seconds(service::k_purge_after).count();
}

nlohmann::json time_or_null(const std::optional<std::int64_t>& time) {
    return time ? nlohmann::json(time_text(*time)) : nlohmann::json();
}

nlohmann::json to_json(const PlanStatus& status) {
    const auto& plan = status.plan;
    return {
        {"plan", plan.plan},
        {"state", to_string(plan.state)},
        {"paths", plan.paths},
        {"nar_size", plan.nar_size},
        {"hidden", status.hidden},
        {"created_by", plan.created_by},
        {"created_at", time_text(plan.created_at)},
        {"hidden_at", time_or_null(plan.hidden_at)},
        {"due_at", time_or_null(due_at(plan))},
        {"restored_at", time_or_null(plan.restored_at)},
        {"purged_at", time_or_null(plan.purged_at)}};
}

std::string store_path(const Cache& cache, const db::MissedPath& path) {
    return fmt::format("{}/{}-{}", cache.store_dir, path.hash.to_string(), path.name);
}

void print_json(const Cache& cache, const Status& status) {
    auto plans = nlohmann::json::array();
    for (const auto& each : status.plans) plans.push_back(to_json(each));
    auto missed = nlohmann::json::array();
    for (const auto& each : status.missed) {
        missed.push_back({{"store_path", store_path(cache, each)}, {"times", each.times}});
    }
    const nlohmann::json out = {
        {"plans", plans},
        {"missed", missed},
        {"condemned", status.condemned},
        {"collector",
         status.collector.empty() ? nlohmann::json() : nlohmann::json(status.collector)}};
    fmt::print("{}\n", out.dump());
}

// Since when a plan is in its state, and what comes next.
std::string history(const db::Collection& plan) {
    switch (plan.state) {
        case PlanState::planned:
            return "made " + time_text(plan.created_at);
        case PlanState::hiding:
            return fmt::format("interrupted; 'narthex gc hide {}' goes on", plan.plan);
        case PlanState::hidden:
            return fmt::format(
                "since {}, due {}", time_text(*plan.hidden_at), time_text(*due_at(plan))
            );
        case PlanState::restored:
            return "since " + time_text(plan.restored_at.value_or(plan.created_at));
        case PlanState::purging:
            return fmt::format("interrupted; 'narthex gc purge {}' goes on", plan.plan);
        case PlanState::purged:
            return "since " + time_text(plan.purged_at.value_or(plan.created_at));
    }
    return {};
}

void print_text(const Cache& cache, const Status& status) {
    if (!status.collector.empty()) fmt::print("at work: {}\n", status.collector);
    if (status.plans.empty()) fmt::print("there are no plans; 'narthex gc plan' makes one\n");
    for (const auto& [plan, hidden] : status.plans) {
        fmt::print(
            "plan {:>4}  {:<8}  {:>10} paths  {:>10}  {}\n",
            plan.plan,
            to_string(plan.state),
            has_rows(plan) ? hidden : plan.paths,
            byte_text(plan.nar_size),
            history(plan)
        );
    }
    if (!status.missed.empty()) fmt::print("hidden paths that were asked for:\n");
    for (const auto& each : status.missed) {
        fmt::print("{:>10} times  {}\n", each.times, store_path(cache, each));
    }
    if (status.condemned > 0) {
        fmt::print(
            "{} wait to be unlinked; 'narthex gc purge' tries again\n",
            count_text(status.condemned, "file")
        );
    }
}

int show(const GcFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    db::Connection connection(database.uri, db::Session::work);
    const auto cache = find_cache(connection, flags.cache);
    const auto status = ask(connection, cache.id);
    if (flags.json) {
        print_json(cache, status);
    } else {
        print_text(cache, status);
    }
    return 0;
}

}  // namespace

void add_gc_status(Command gc, Action& action) {
    const auto command = gc.add_subcommand(
        "status", "plans and how far each has come, and what is missed of the hidden paths"
    );
    auto flags = std::make_shared<GcFlags>();
    add_gc_flags(command, *flags);
    command.callback([&action, flags] { action = [flags] { return show(*flags); }; });
}

}  // namespace narthex::app
