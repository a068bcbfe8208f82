#include "narthex/db/narinfos.hpp"

#include "pqxx.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/core/reference_order.hpp"
#include "narthex/db/path_ids.hpp"
#include "narthex/db/sql.hpp"

#include <unordered_map>

namespace narthex::db {

namespace {

using Batch = std::span<const StoredNarinfo>;

using PathIds = std::unordered_map<HashPart, KnownPath>;

std::optional<std::string> bytea_or_null(const std::optional<Sha256>& hash) {
    if (!hash) return std::nullopt;
    return bytea(hash->bytes());
}

std::optional<std::string> text_or_null(const std::optional<std::uint64_t>& number) {
    if (!number) return std::nullopt;
    return std::to_string(*number);
}

// Every path that an added narinfo names gets an id, references first.
PathIds path_ids_of(Tx& tx, int cache, Batch batch, const std::vector<Fate>& fates) {
    std::vector<const Narinfo*> narinfos;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (fates[i] == Fate::added) narinfos.push_back(batch[i].narinfo);
    }
    const auto order = references_first(narinfos);
    const auto known = assign_path_ids(tx, cache, order);
    PathIds ids;
    ids.reserve(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) ids.emplace(order[i], known[i]);
    return ids;
}

void stage_narinfos(Tx& tx, Batch batch) {
    exec(tx, sql::create_staged_narinfo);
    auto copy = copy_into(
        tx,
        "staged_narinfo",
        std::array<std::string, 9>{
            "ord", "hash", "name", "text", "nar_hash", "nar_size", "deriver", "ca", "system"}
    );
    int ord = 0;
    for (const auto& item : batch) {
        const auto& narinfo = *item.narinfo;
        copy << std::make_tuple(
            ord++,
            bytea(narinfo.store_path().base.hash.bytes()),
            narinfo.store_path().base.name,
            narinfo.text(),
            bytea(narinfo.nar_hash().bytes()),
            std::to_string(narinfo.nar_size()),
            or_null(narinfo.deriver()),
            or_null(narinfo.ca()),
            or_null(narinfo.system())
        );
    }
    copy.complete();
}

std::vector<Fate> insert_staged(Tx& tx, int cache, Batch batch) {
    std::unordered_map<HashPart, std::size_t> places;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        places.emplace(batch[i].narinfo->store_path().base.hash, i);
    }
    std::vector<Fate> fates(batch.size(), Fate::present);
    for (const auto& row : exec(tx, sql::insert_narinfos, cache)) {
        fates[places.at(to_hash_part(row[0]))] = Fate::added;
    }
    for (const auto& row : exec(tx, sql::find_conflicts, cache)) {
        fates[row[0].as<std::size_t>()] = Fate::conflict;
    }
    return fates;
}

// The graph's rows of the added narinfos: their references' ids, in the order of the text.
void copy_graph(Tx& tx, Batch batch, const PathIds& ids, StoreReport& report) {
    auto copy = copy_into(tx, "graph", std::array<std::string, 2>{"id", "refs"});
    std::vector<int> references;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (report.fates[i] != Fate::added) continue;
        const auto& narinfo = *batch[i].narinfo;
        references.clear();
        for (const auto& reference : narinfo.references()) {
            const auto& known = ids.at(reference.hash);
            references.push_back(known.id);
            if (!known.has_narinfo) report.dangling_ids.push_back(known.id);
        }
        const int id = ids.at(narinfo.store_path().base.hash).id;
        report.added_ids.push_back(id);
        copy << std::make_tuple(id, int_array(references));
    }
    copy.complete();
}

void stage_nars(Tx& tx, Batch batch, const std::vector<Fate>& fates) {
    exec(tx, sql::create_staged_nar);
    auto copy = copy_into(
        tx,
        "staged_nar",
        std::array<std::string, 8>{
            "hash", "linked", "url", "compression", "file_hash", "file_size", "site", "path"}
    );
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (fates[i] == Fate::conflict) continue;
        const auto& narinfo = *batch[i].narinfo;
        for (std::size_t f = 0; f < narinfo.files().size(); ++f) {
            const auto& file = narinfo.files()[f];
            const auto& place = batch[i].places[f];
            if (fates[i] == Fate::present && !place) continue;
            const auto file_hash = bytea_or_null(file.hash);
            const auto file_size = text_or_null(file.size);
            const auto site = place ? std::optional(std::to_string(place->site)) : std::nullopt;
            const auto path = place ? std::optional(place->path) : std::nullopt;
            copy << std::make_tuple(
                bytea(narinfo.store_path().base.hash.bytes()),
                std::string(fates[i] == Fate::added ? "t" : "f"),
                nar_path(file.url).value_or(file.url),
                file.compression,
                or_null(file_hash),
                or_null(file_size),
                or_null(site),
                or_null(path)
            );
        }
    }
    copy.complete();
}

int find_or_insert_site(Tx& tx, const std::string& kind, const std::string& base) {
    auto rows = exec(tx, sql::find_site, kind, base);
    if (rows.empty()) {
        exec(tx, sql::insert_site, kind, base);
        rows = exec(tx, sql::find_site, kind, base);
    }
    return rows.at(0)[0].as<int>();
}

}  // namespace

int find_or_insert_nar_directory(Tx& tx, const std::string& directory) {
    return find_or_insert_site(tx, "file", directory);
}

int find_or_insert_nar_server(Tx& tx, const std::string& url) {
    return find_or_insert_site(tx, "url", url);
}

StoreReport store_narinfos(Tx& tx, int cache, std::span<const StoredNarinfo> batch) {
    exec(tx, sql::lock_publishing);
    stage_narinfos(tx, batch);
    StoreReport report{insert_staged(tx, cache, batch), {}, {}};
    const auto ids = path_ids_of(tx, cache, batch, report.fates);
    copy_graph(tx, batch, ids, report);
    stage_nars(tx, batch, report.fates);
    exec(tx, sql::insert_nars, cache);
    exec(tx, sql::insert_narinfo_nars, cache);
    exec(tx, sql::insert_nar_locations, cache);
    return report;
}

std::vector<std::size_t> find_hidden(Tx& tx, std::span<const PathKey> keys) {
    std::vector<int> caches;
    std::vector<HashPart> hashes;
    for (const auto& key : keys) {
        caches.push_back(key.cache);
        hashes.push_back(key.hash);
    }
    std::vector<std::size_t> hidden;
    for (const auto& row : exec(tx, sql::find_hidden, int_array(caches), bytea_array(hashes))) {
        hidden.push_back(row[0].as<std::size_t>() - 1);
    }
    return hidden;
}

std::vector<HashPart> find_dangling(Tx& tx, std::span<const int> path_ids) {
    std::vector<HashPart> out;
    for (const auto& row : exec(tx, sql::find_dangling, int_array(path_ids))) {
        out.push_back(to_hash_part(row[0]));
    }
    return out;
}

}  // namespace narthex::db
