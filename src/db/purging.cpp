#include "narthex/db/purging.hpp"

#include "pqxx.hpp"

#include "narthex/db/changes.hpp"
#include "narthex/db/sql.hpp"

#include <algorithm>

namespace narthex::db {

namespace {

std::string bigint_array(const std::vector<std::int64_t>& numbers) {
    std::string out = "{";
    for (const auto number : numbers) {
        out += (out.size() > 1 ? "," : "") + std::to_string(number);
    }
    return out + "}";
}

struct Purgeable {
    std::vector<int> ids;  // descending
    std::vector<HashPart> hashes;
};

Purgeable list_purgeable(Tx& tx, const Collection& collection, int before, int most) {
    Purgeable out;
    const auto rows =
        exec(tx, sql::list_purgeable, collection.plan, collection.batch.value(), before, most);
    for (const auto& row : rows) {
        out.ids.push_back(row[0].as<int>());
        out.hashes.push_back(to_hash_part(row[1]));
    }
    return out;
}

void archive(Tx& tx, const Collection& collection, const std::string& hashes, PurgeChunk& chunk) {
    for (const auto& row :
         exec(tx, sql::archive_narinfos, collection.cache, collection.plan, hashes)) {
        ++chunk.narinfos;
        chunk.nar_size += row[0].as<std::uint64_t>();
    }
}

void purge_nars(
    Tx& tx, const Collection& collection, const std::string& hashes, PurgeChunk& chunk
) {
    std::vector<std::int64_t> nars;
    for (const auto& row : exec(tx, sql::unlink_narinfos, collection.cache, hashes)) {
        nars.push_back(row[0].as<std::int64_t>());
    }
    std::ranges::sort(nars);
    nars.erase(std::ranges::unique(nars).begin(), nars.end());
    const auto counts = exec(tx, sql::purge_nars, bigint_array(nars), collection.plan)[0];
    chunk.condemned = counts[0].as<std::size_t>();
    chunk.elsewhere = counts[1].as<std::size_t>();
}

}  // namespace

PurgeChunk purge_chunk(Tx& tx, const Collection& collection, int before, int most) {
    const auto purgeable = list_purgeable(tx, collection, before, most);
    if (purgeable.ids.empty()) return {0, 0, 0, 0, true, before};
    PurgeChunk chunk{0, 0, 0, 0, false, purgeable.ids.back()};
    const auto hashes = bytea_array(purgeable.hashes);
    archive(tx, collection, hashes, chunk);
    purge_nars(tx, collection, hashes, chunk);
    exec(tx, sql::delete_purged, collection.cache, hashes, int_array(purgeable.ids));
    add_change(tx, ChangeKind::purged, collection.cache, purgeable.hashes);
    return chunk;
}

std::vector<HashPart> list_hidden_among(
    Tx& tx, const Collection& collection, std::span<const int> ids
) {
    std::vector<HashPart> out;
    const auto rows = exec(tx, sql::list_hidden_among, collection.batch.value(), int_array(ids));
    for (const auto& row : rows) out.push_back(to_hash_part(row[0]));
    return out;
}

std::size_t delete_logs(Tx& tx, const Collection& collection) {
    const auto gone = exec(tx, sql::delete_logs, collection.plan, collection.cache);
    return static_cast<std::size_t>(gone.affected_rows());
}

std::vector<CondemnedFile> list_condemned_files(Tx& tx, const CondemnedFile& after, int most) {
    std::vector<CondemnedFile> out;
    for (const auto& row : exec(tx, sql::list_condemned_files, after.site, after.path, most)) {
        out.push_back({row[0].as<int>(), row[1].as<std::string>(), row[2].as<std::string>()});
    }
    return out;
}

void spare_placed_files(Tx& tx, const CondemnedFile& after, int most) {
    exec(tx, sql::spare_placed_files, after.site, after.path, most);
}

std::vector<PurgedKey> list_purged_keys(Tx& tx, int cache, int plan, std::int64_t after, int most) {
    std::vector<PurgedKey> out;
    for (const auto& row : exec(tx, sql::list_purged_keys, cache, plan, after, most)) {
        out.push_back({row[0].as<std::int64_t>(), row[1].as<std::string>()});
    }
    return out;
}

}  // namespace narthex::db
