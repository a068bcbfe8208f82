#include "narthex/db/rescue.hpp"

#include "pqxx.hpp"

#include "narthex/db/changes.hpp"
#include "narthex/db/sql.hpp"

namespace narthex::db {

namespace {

using Hashes = std::vector<HashPart>;

Hashes first_column(const pqxx::result& rows) {
    Hashes out;
    out.reserve(static_cast<std::size_t>(rows.size()));
    for (const auto& row : rows) out.push_back(to_hash_part(row[0]));
    return out;
}

// `found` are in batches.
std::size_t rescue_found(Tx& tx, int cache, const Hashes& found) {
    const auto all = first_column(exec(tx, sql::find_rescued, cache, bytea_array(found)));
    auto missing = first_column(exec(tx, sql::find_purged_since, cache, bytea_array(all)));
    if (!missing.empty()) throw ClosurePurged(std::move(missing));
    Hashes restored;
    const auto rows = exec(tx, sql::rescue_paths, cache, bytea_array(all));
    for (const auto& row : rows) {
        if (row[1].as<bool>()) restored.push_back(to_hash_part(row[0]));
    }
    add_change(tx, ChangeKind::restored, cache, restored);
    return static_cast<std::size_t>(rows.size());
}

}  // namespace

Hashes find_in_batches(Tx& tx, int cache, std::span<const HashPart> paths) {
    if (paths.empty()) return {};
    return first_column(exec(tx, sql::find_in_batches, cache, bytea_array(paths)));
}

std::size_t rescue(Tx& tx, int cache, std::span<const HashPart> paths) {
    const auto found = find_in_batches(tx, cache, paths);
    return found.empty() ? 0 : rescue_found(tx, cache, found);
}

std::size_t rescue_whole(Tx& tx, int cache, std::span<const HashPart> paths) {
    const auto found = find_in_batches(tx, cache, paths);
    if (found.empty()) return 0;
    try {
        return rescue_found(tx, cache, found);
    } catch (const ClosurePurged&) {
        // Rare: one after the other, for those that are whole.
    }
    std::size_t rescued = 0;
    for (const auto& path : found) {
        try {
            rescued += rescue(tx, cache, std::span(&path, 1));
        } catch (const ClosurePurged&) {
        }
    }
    return rescued;
}

}  // namespace narthex::db
