#include "narthex/db/path_ids.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

#include <stdexcept>

namespace narthex::db {

namespace {

// A publisher of so few never waits for others' ids.
constexpr std::size_t k_few_paths = 100;

}  // namespace

std::vector<KnownPath> assign_path_ids(Tx& tx, int cache, std::span<const HashPart> paths) {
    const auto hashes = bytea_array(paths);
    if (paths.size() > k_few_paths) exec(tx, sql::lock_path_ids);
    exec(tx, sql::insert_paths, cache, hashes);
    const auto rows = exec(tx, sql::path_ids, cache, hashes);
    if (static_cast<std::size_t>(rows.size()) != paths.size()) {
        throw std::logic_error("path_ids found another number of paths than insert_paths was given"
        );
    }
    std::vector<KnownPath> ids;
    ids.reserve(paths.size());
    for (const auto& row : rows) ids.push_back({row[0].as<int>(), row[1].as<bool>()});
    return ids;
}

std::vector<std::optional<int>> find_path_ids(Tx& tx, int cache, std::span<const HashPart> paths) {
    std::vector<std::optional<int>> ids(paths.size());
    for (const auto& row : exec(tx, sql::find_path_ids, cache, bytea_array(paths))) {
        ids[row[0].as<std::size_t>() - 1] = row[1].as<int>();
    }
    return ids;
}

}  // namespace narthex::db
