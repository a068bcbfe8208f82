#include "narthex/db/collecting.hpp"

#include "pqxx.hpp"

#include "narthex/db/changes.hpp"
#include "narthex/db/sql.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace narthex::db {

namespace {

template <class T>
std::optional<T> optional_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<T>();
}

Collection to_collection(const pqxx::row& row) {
    return {
        row[0].as<int>(),
        row[1].as<int>(),
        parse_plan_state(row[2].as<std::string>()),
        optional_of<int>(row[3]),
        row[4].as<std::string>(),
        row[5].as<std::int64_t>(),
        optional_of<std::int64_t>(row[6]),
        optional_of<std::int64_t>(row[7]),
        optional_of<std::int64_t>(row[8]),
        row[9].as<std::uint64_t>(),
        row[10].as<std::uint64_t>(),
        row[11].as<std::int64_t>(),
        row[12].as<std::int64_t>(),
    };
}

std::vector<int> numbers_of(const pqxx::result& rows) {
    std::vector<int> out;
    out.reserve(static_cast<std::size_t>(rows.size()));
    for (const auto& row : rows) out.push_back(row[0].as<int>());
    return out;
}

void append(std::vector<int>& to, const pqxx::result& rows) {
    for (const auto& row : rows) to.push_back(row[0].as<int>());
}

}  // namespace

bool try_lock_collector(Tx& tx, const std::string& command) {
    exec(tx, sql::set_application_name, command);
    return exec(tx, sql::try_lock_collector)[0][0].as<bool>();
}

std::string collector_holder(Tx& tx) {
    const auto rows = exec(tx, sql::collector_holder);
    if (rows.empty()) return {};
    return fmt::format(
        "{} of user {}, since {:%Y-%m-%dT%H:%M:%SZ}",
        rows[0][0].as<std::string>(),
        rows[0][1].as<std::string>(),
        fmt::gmtime(rows[0][2].as<std::time_t>())
    );
}

void lock_collecting(Tx& tx) {
    exec(tx, sql::lock_collecting);
}

std::optional<Collection> find_collection(Tx& tx, int plan) {
    const auto rows = exec(tx, sql::find_collection, plan);
    if (rows.empty()) return std::nullopt;
    return to_collection(rows[0]);
}

std::vector<Collection> list_collections(Tx& tx, int cache) {
    std::vector<Collection> out;
    for (const auto& row : exec(tx, sql::list_collections, cache)) {
        out.push_back(to_collection(row));
    }
    return out;
}

std::vector<Objection> list_objections(Tx& tx, int plan) {
    std::vector<Objection> out;
    for (const auto& row : exec(tx, sql::list_objections, plan)) {
        out.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
    }
    return out;
}

void set_plan_state(Tx& tx, int plan, PlanState state) {
    exec(tx, sql::set_plan_state, plan, std::string(to_string(state)));
}

int begin_hiding(Tx& tx, int plan) {
    const auto batch = exec(tx, sql::find_plan_batch, plan)[0][0];
    set_plan_state(tx, plan, PlanState::hiding);
    if (batch.is_null()) return exec(tx, sql::insert_plan_batch, plan)[0][0].as<int>();
    announce_batch(tx, batch.as<int>(), 0);  // there will be more rows
    return batch.as<int>();
}

void announce_batch(Tx& tx, int batch, std::size_t end) {
    exec(tx, sql::announce_batch, batch, static_cast<int>(end));
}

HideChunk write_hidden(Tx& tx, int plan, int batch, int after, std::size_t most) {
    const auto row = exec(tx, sql::write_hidden, plan, batch, after, static_cast<int>(most))[0];
    return {row[0].as<std::size_t>(), row[1].as<std::size_t>(), row[2].as<int>()};
}

std::vector<int> list_wanted_since(Tx& tx, const Collection& collection) {
    auto wanted = numbers_of(exec(tx, sql::seeds_changed_since, collection.plan));
    append(wanted, exec(tx, sql::seeds_leased, collection.cache));
    append(wanted, exec(tx, sql::seeds_taken_out, collection.plan, collection.batch.value()));
    if (collection.requested_within > 0) {
        append(wanted, exec(tx, sql::seeds_requested_since, collection.plan));
    }
    return wanted;
}

std::vector<int> list_leased(Tx& tx, int cache) {
    return numbers_of(exec(tx, sql::seeds_leased, cache));
}

std::vector<int> counted_roots(Tx& tx, int plan) {
    return numbers_of(exec(tx, sql::counted_roots, plan));
}

std::vector<int> list_paths_named(Tx& tx, int cache, const std::string& regex) {
    return numbers_of(exec(tx, sql::seeds_named, cache, regex));
}

std::size_t take_out(Tx& tx, const Collection& collection, std::span<const int> wanted) {
    const auto gone =
        exec(tx, sql::take_out, collection.plan, collection.batch.value(), int_array(wanted));
    return static_cast<std::size_t>(gone.affected_rows());
}

void activate_batch(Tx& tx, const Collection& collection) {
    exec(tx, sql::set_batch_active, collection.batch.value(), std::string("true"));
    set_plan_state(tx, collection.plan, PlanState::hidden);
    add_batch_change(tx, ChangeKind::hidden, collection.cache, *collection.batch);
}

std::string current_wal_position(Tx& tx) {
    return exec(tx, sql::current_wal_position)[0][0].as<std::string>();
}

std::vector<LaggingSlot> list_lagging_slots(Tx& tx, const std::string& position) {
    std::vector<LaggingSlot> out;
    for (const auto& row : exec(tx, sql::list_lagging_slots, position)) {
        out.push_back({row[0].as<std::string>(), row[1].as<std::uint64_t>()});
    }
    return out;
}

std::vector<std::string> list_cut_off_regions(Tx& tx) {
    std::vector<std::string> out;
    for (const auto& row : exec(tx, sql::list_cut_off_regions)) {
        out.push_back(row[0].as<std::string>());
    }
    return out;
}

std::vector<HashPart> list_reached_elsewhere(Tx& tx, const Collection& collection) {
    std::vector<HashPart> out;
    const auto rows =
        exec(tx, sql::list_reached_elsewhere, collection.cache, collection.batch.value());
    for (const auto& row : rows) out.push_back(to_hash_part(row[0]));
    return out;
}

std::vector<HashPart> list_purged_references(Tx& tx, const Collection& collection, int most) {
    std::vector<HashPart> out;
    const auto rows =
        exec(tx, sql::list_purged_references, collection.cache, collection.batch.value(), most);
    for (const auto& row : rows) out.push_back(to_hash_part(row[0]));
    return out;
}

void deactivate_batch(Tx& tx, const Collection& collection) {
    exec(tx, sql::set_batch_active, collection.batch.value(), std::string("false"));
    set_plan_state(tx, collection.plan, PlanState::restored);
    add_batch_change(tx, ChangeKind::restored, collection.cache, *collection.batch);
}

std::size_t forget_hidden(Tx& tx, int batch, std::size_t most) {
    const auto gone = exec(tx, sql::forget_hidden, batch, static_cast<int>(most));
    return static_cast<std::size_t>(gone.affected_rows());
}

std::uint64_t count_hidden(Tx& tx, int batch) {
    return exec(tx, sql::count_hidden, batch)[0][0].as<std::uint64_t>();
}

std::vector<MissedPath> list_missed(Tx& tx, int cache, int most) {
    std::vector<MissedPath> out;
    for (const auto& row : exec(tx, sql::list_missed, cache, most)) {
        out.push_back({to_hash_part(row[0]), row[1].as<std::string>(), row[2].as<std::uint64_t>()});
    }
    return out;
}

std::uint64_t count_condemned(Tx& tx) {
    return exec(tx, sql::count_condemned)[0][0].as<std::uint64_t>();
}

}  // namespace narthex::db
