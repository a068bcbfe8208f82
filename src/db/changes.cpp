#include "narthex/db/changes.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

#include <algorithm>
#include <stdexcept>

namespace narthex::db {

namespace {

// Paths of one row: short enough to be read as a whole by who follows.
constexpr std::size_t k_paths_a_row = 2000;

constexpr std::string_view k_names[] = {"published", "hidden", "restored", "purged"};

ChangeKind to_kind(std::string_view name) {
    const auto* const at = std::ranges::find(k_names, name);
    if (at == std::end(k_names)) throw std::logic_error("an unknown kind of change");
    return static_cast<ChangeKind>(at - std::begin(k_names));
}

std::vector<HashPart> to_hash_parts(const pqxx::field& joined) {
    std::vector<HashPart> out;
    if (joined.is_null()) return out;
    const auto bytes = from_hex(std::string_view(joined.c_str()).substr(2)).value();
    for (std::size_t at = 0; at + HashPart::k_size <= bytes.size(); at += HashPart::k_size) {
        std::array<unsigned char, HashPart::k_size> part{};
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), part.size(), part.begin());
        out.emplace_back(part);
    }
    return out;
}

}  // namespace

std::string_view to_string(ChangeKind kind) {
    return k_names[static_cast<std::size_t>(kind)];
}

void add_change(Tx& tx, ChangeKind kind, int cache, std::span<const HashPart> paths) {
    const std::string name(to_string(kind));
    while (!paths.empty()) {
        const auto row = paths.first(std::min(paths.size(), k_paths_a_row));
        exec(tx, sql::insert_change, name, cache, bytea_array(row));
        paths = paths.subspan(row.size());
    }
}

void add_batch_change(Tx& tx, ChangeKind kind, int cache, int batch) {
    exec(tx, sql::insert_batch_change, std::string(to_string(kind)), cache, batch);
}

std::vector<Change> read_changes(Tx& tx, const ChangeCursor& after, int most) {
    std::vector<Change> out;
    const auto rows =
        exec(tx, sql::read_changes, std::to_string(after.transaction), after.id, most);
    for (const auto& row : rows) {
        out.push_back({
            {row[0].as<std::uint64_t>(), row[1].as<std::int64_t>()},
            to_kind(row[2].as<std::string>()),
            row[3].as<std::int64_t>(),
            row[4].as<int>(),
            to_hash_parts(row[5]),
            row[6].is_null() ? std::nullopt : std::optional(row[6].as<int>()),
        });
    }
    return out;
}

ChangeCursor end_of_changes(Tx& tx) {
    const auto rows = exec(tx, sql::end_of_changes);
    if (rows.empty()) return {};
    return {rows[0][0].as<std::uint64_t>(), rows[0][1].as<std::int64_t>()};
}

std::vector<HashPart> list_batch(
    Tx& tx, int cache, int batch, const std::optional<HashPart>& after, int most
) {
    const auto from = after ? bytea(after->bytes()) : bytea({});
    std::vector<HashPart> out;
    for (const auto& row : exec(tx, sql::list_batch, cache, batch, from, most)) {
        out.push_back(to_hash_part(row[0]));
    }
    return out;
}

}  // namespace narthex::db
