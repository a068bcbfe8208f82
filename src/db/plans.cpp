#include "narthex/db/plans.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

#include <tuple>

namespace narthex::db {

namespace {

template <class T>
std::optional<T> optional_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<T>();
}

Plan to_plan(const pqxx::row& row) {
    return {
        row[0].as<int>(),
        row[1].as<int>(),
        row[2].as<std::int64_t>(),
        row[3].as<std::string>(),
        row[4].as<std::string>(),
        row[5].as<std::string>(),
        row[6].as<std::string>(),
        row[7].as<std::string>(),
        optional_of<std::int64_t>(row[8]),
        optional_of<std::int64_t>(row[9]),
        optional_of<std::int64_t>(row[10])};
}

void add_paths(pqxx::stream_to& out, int plan, const Bitmap& paths, int reason) {
    paths.for_each([&](int id) { out << std::make_tuple(plan, id, reason); });
}

std::optional<Fate::InPlan> to_plan_of(const pqxx::row& row) {
    if (row[3].is_null()) return std::nullopt;
    return Fate::InPlan{
        row[3].as<int>(),
        row[4].as<std::string>(),
        row[5].as<int>() == 1,
        optional_of<std::int64_t>(row[6])};
}

}  // namespace

int draw_plan_id(Tx& tx) {
    return exec(tx, sql::draw_plan_id)[0][0].as<int>();
}

void store_plan_paths(Tx& tx, int plan, const Bitmap& unreachable, const Bitmap& released) {
    auto out = copy_into(tx, "plan_path", std::array<std::string, 3>{"plan", "path", "reason"});
    add_paths(out, plan, unreachable, 0);
    add_paths(out, plan, released, 1);
    out.complete();
}

void store_plan(Tx& tx, const NewPlan& plan) {
    exec(
        tx,
        sql::insert_plan,
        plan.id,
        plan.cache,
        plan.created_by,
        plan.engine,
        plan.policy,
        int_array(plan.roots),
        plan.summary
    );
}

void forget_old_plans(Tx& tx, int cache, std::int64_t kept) {
    exec(tx, sql::forget_old_plans, cache, kept);
}

std::size_t forget_plan_paths(Tx& tx, int most) {
    return static_cast<std::size_t>(exec(tx, sql::forget_plan_paths, most).affected_rows());
}

std::optional<Plan> find_plan(Tx& tx, int id) {
    const auto rows = exec(tx, sql::find_plan, id);
    if (rows.empty()) return std::nullopt;
    return to_plan(rows[0]);
}

std::vector<Plan> list_plans(Tx& tx, int cache, int most) {
    std::vector<Plan> out;
    for (const auto& row : exec(tx, sql::list_plans, cache, most)) out.push_back(to_plan(row));
    return out;
}

std::vector<PlanPath> list_plan_paths(Tx& tx, const Plan& plan, int after, int most) {
    std::vector<PlanPath> out;
    for (const auto& row : exec(tx, sql::list_plan_paths, plan.id, after, most, plan.cache)) {
        out.push_back(
            {row[0].as<int>(),
             to_hash_part(row[1]),
             optional_of<std::string>(row[2]),
             row[3].as<int>() == 1,
             optional_of<std::uint64_t>(row[4]),
             optional_of<std::uint64_t>(row[5]),
             optional_of<std::int64_t>(row[6]),
             row[7].as<std::uint64_t>()}
        );
    }
    return out;
}

std::optional<Fate> find_fate(Tx& tx, int cache, const HashPart& hash) {
    const auto rows = exec(tx, sql::find_fate, cache, bytea(hash.bytes()));
    if (rows.empty()) return std::nullopt;
    const auto row = rows[0];
    return Fate{
        row[0].as<int>(),
        optional_of<std::string>(row[1]),
        row[2].as<bool>(),
        to_plan_of(row),
        optional_of<std::int64_t>(row[7]),
        optional_of<std::string>(row[8])};
}

std::vector<PathName> list_path_names(Tx& tx, std::span<const int> ids) {
    std::vector<PathName> out;
    for (const auto& row : exec(tx, sql::list_path_names, int_array(ids))) {
        out.push_back({to_hash_part(row[0]), optional_of<std::string>(row[1])});
    }
    return out;
}

ClosureSizes closure_sizes(Tx& tx, int cache, const HashPart& hash) {
    const auto row = exec(tx, sql::closure_sizes, cache, bytea(hash.bytes()))[0];
    return {
        row[0].as<std::uint64_t>(),
        row[1].as<std::uint64_t>(),
        row[2].as<std::uint64_t>(),
        row[3].as<std::uint64_t>()};
}

}  // namespace narthex::db
