#include "narthex/db/request_counts.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

#include <string>
#include <vector>

namespace narthex::db {

void add_request_counts(Tx& tx, std::span<const RequestCount> counts) {
    std::vector<int> caches;
    std::vector<HashPart> hashes;
    std::vector<int> days;
    std::vector<std::string> served;
    std::vector<std::string> hidden;
    for (const auto& count : counts) {
        caches.push_back(count.key.cache);
        hashes.push_back(count.key.hash);
        days.push_back(count.day);
        served.push_back(std::to_string(count.served));
        hidden.push_back(std::to_string(count.hidden));
    }
    exec(
        tx,
        sql::add_request_counts,
        int_array(caches),
        bytea_array(hashes),
        int_array(days),
        text_array(served),
        text_array(hidden)
    );
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

std::size_t delete_request_counts(Tx& tx, int keep_days, int most) {
    return exec(tx, sql::delete_request_counts, keep_days, most).size();
}

}  // namespace narthex::db
