#include "narthex/db/own_counts.hpp"

#include "count_arrays.hpp"

#include "narthex/db/sql.hpp"

namespace narthex::db {

void add_own_counts(Tx& tx, std::span<const RequestCount> counts) {
    exec_with_counts(tx, sql::add_own_counts, counts);
}

std::vector<RequestCount> list_unsent_counts(Tx& tx, std::size_t most) {
    std::vector<RequestCount> counts;
    for (const auto& row : exec(tx, sql::list_unsent_counts, std::to_string(most))) {
        const PathKey key{row[0].as<int>(), to_hash_part(row[1])};
        counts.push_back(
            {key, row[2].as<int>(), row[3].as<std::uint64_t>(), row[4].as<std::uint64_t>()}
        );
    }
    return counts;
}

std::size_t count_unsent_counts(Tx& tx) {
    return exec(tx, sql::count_unsent_counts)[0][0].as<std::size_t>();
}

void mark_counts_sent(Tx& tx, std::span<const RequestCount> counts) {
    exec_with_counts(tx, sql::mark_counts_sent, counts);
}

std::size_t delete_own_counts(Tx& tx, int keep_days, int most) {
    return exec(tx, sql::delete_own_counts, keep_days, most).size();
}

}  // namespace narthex::db
