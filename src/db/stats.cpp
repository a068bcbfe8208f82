#include "narthex/db/stats.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

namespace narthex::db {

namespace {

std::optional<std::string> text_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<std::string>();
}

std::vector<NotablePath> to_paths(const pqxx::result& rows) {
    std::vector<NotablePath> out;
    for (const auto& row : rows) {
        out.push_back(
            {{to_hash_part(row[0]), row[1].as<std::string>()},
             row[2].as<std::uint64_t>(),
             row[3].as<std::string>()}
        );
    }
    return out;
}

}  // namespace

CacheStats cache_stats(Tx& tx, int cache) {
    const auto row = exec(tx, sql::stats_totals, cache)[0];
    return {
        row[0].as<std::uint64_t>(),
        row[1].as<std::uint64_t>(),
        row[2].as<std::uint64_t>(),
        row[3].as<std::uint64_t>(),
        text_of(row[4]),
        text_of(row[5])};
}

std::vector<CompressionStats> compression_stats(Tx& tx, int cache) {
    std::vector<CompressionStats> out;
    for (const auto& row : exec(tx, sql::stats_compressions, cache)) {
        out.push_back(
            {row[0].as<std::string>(),
             row[1].as<std::uint64_t>(),
             row[2].as<std::uint64_t>(),
             row[3].as<std::uint64_t>()}
        );
    }
    return out;
}

std::vector<NotablePath> largest_paths(Tx& tx, int cache, int count) {
    return to_paths(exec(tx, sql::stats_largest, cache, count));
}

std::vector<NotablePath> newest_paths(Tx& tx, int cache, int count) {
    return to_paths(exec(tx, sql::stats_newest, cache, count));
}

std::vector<RequestedPath> requested_paths(Tx& tx, int cache, int days, int count) {
    std::vector<RequestedPath> out;
    for (const auto& row : exec(tx, sql::stats_requested, cache, days, count)) {
        out.push_back(
            {{to_hash_part(row[0]), row[1].as<std::string>()},
             row[2].as<std::uint64_t>(),
             row[3].as<std::uint64_t>()}
        );
    }
    return out;
}

UnusedStats unused_stats(Tx& tx, int cache, int days) {
    const auto row = exec(tx, sql::stats_unused, cache, days)[0];
    return {row[0].as<std::uint64_t>(), row[1].as<std::uint64_t>(), text_of(row[2])};
}

std::vector<NotablePath> unused_paths(
    Tx& tx, int cache, int days, const std::optional<HashPart>& after, int count
) {
    const std::string from = after ? bytea(after->bytes()) : "\\x";
    return to_paths(exec(tx, sql::list_unused, cache, days, from, count));
}

}  // namespace narthex::db
