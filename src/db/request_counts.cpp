#include "narthex/db/request_counts.hpp"

#include "count_arrays.hpp"

#include "narthex/db/sql.hpp"

#include <string>
#include <vector>

namespace narthex::db {

void add_request_counts(Tx& tx, std::span<const RequestCount> counts) {
    exec_with_counts(tx, sql::add_request_counts, counts);
}

std::vector<PathKey> find_missed(Tx& tx, std::span<const PathKey> keys, std::uint64_t requests) {
    std::vector<int> caches;
    std::vector<HashPart> hashes;
    for (const auto& key : keys) {
        caches.push_back(key.cache);
        hashes.push_back(key.hash);
    }
    std::vector<PathKey> missed;
    const auto rows = exec(
        tx, sql::find_missed, int_array(caches), bytea_array(hashes), std::to_string(requests)
    );
    for (const auto& row : rows) missed.push_back(keys[row[0].as<std::size_t>() - 1]);
    return missed;
}

std::vector<PathKey> find_missed_in_regions(Tx& tx, int most) {
    std::vector<PathKey> missed;
    for (const auto& row : exec(tx, sql::find_missed_in_regions, most)) {
        missed.push_back({row[0].as<int>(), to_hash_part(row[1])});
    }
    return missed;
}

std::size_t delete_request_counts(Tx& tx, int keep_days, int most) {
    return exec(tx, sql::delete_request_counts, keep_days, most).size();
}

}  // namespace narthex::db
