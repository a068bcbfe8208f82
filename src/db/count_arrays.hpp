// Request counts as parameters. Layer db's own.
#pragma once

#include "pqxx.hpp"

#include "narthex/db/request_counts.hpp"

#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// Runs a statement that takes caches, hash parts, days, how often served and how often hidden.
inline pqxx::result exec_with_counts(
    Tx& tx, const Statement& statement, std::span<const RequestCount> counts
) {
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
    return exec(
        tx,
        statement,
        int_array(caches),
        bytea_array(hashes),
        int_array(days),
        text_array(served),
        text_array(hidden)
    );
}

}  // namespace narthex::db
