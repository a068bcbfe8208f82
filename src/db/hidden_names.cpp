#include "hidden_names.hpp"

#include "bulk_parameters.hpp"

#include "narthex/db/sql.hpp"

#include <array>

namespace narthex::db {

HiddenNames::HiddenNames(Libpq& libpq) : libpq_(libpq) {
    libpq_.prepare(sql::hide_state);
    libpq_.prepare(sql::find_in_batches);
}

bool HiddenNames::any(int cache, std::span<const BulkNarinfo> batch, const NumberedPaths& paths) {
    const auto state = libpq_.exec(sql::hide_state, std::array{int2(cache)});
    if (state.size() == 0) return false;
    const bool being_written = state.number(0, 1) != 0;
    if (being_written || state.bytes(0, 0) != state_) absent_.clear();
    state_ = state.bytes(0, 0);
    absent_.resize(paths.hashes.size());
    const auto asked = unknown(batch, paths);
    std::vector<HashPart> hashes;
    hashes.reserve(asked.size());
    for (const auto number : asked) hashes.push_back(paths.hashes[number]);
    const auto found =
        libpq_.exec(sql::find_in_batches, std::array{int2(cache), hash_array(hashes)});
    if (found.size() > 0) return true;
    for (const auto number : asked) absent_[number] = true;
    return false;
}

// Each once. Of paths without an id nothing is known: others may have had their numbers before.
std::vector<std::uint32_t> HiddenNames::unknown(
    std::span<const BulkNarinfo> batch, const NumberedPaths& paths
) const {
    std::vector<std::uint32_t> numbers;
    std::vector<bool> seen(absent_.size());
    const auto note = [&](std::uint32_t number) {
        const bool known = absent_[number] && paths.ids[number] != 0;
        if (!known && !seen[number]) numbers.push_back(number);
        seen[number] = true;
    };
    for (const auto& row : batch) {
        note(row.number);
        for (const auto number : row.references) note(number);
    }
    return numbers;
}

}  // namespace narthex::db
