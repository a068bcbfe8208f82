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

// A column of a batch, as the array that a statement unnests. Temporary tables, filled by COPY,
// would cost somebody who publishes one path more than its rows do.
class Column {
  public:
    void add(std::optional<std::string> text) { texts_.push_back(std::move(text)); }
    void add(std::span<const unsigned char> bytes) { texts_.emplace_back(bytea(bytes)); }
    void add(std::uint64_t number) { texts_.emplace_back(std::to_string(number)); }
    [[nodiscard]] std::string array() const { return text_array(texts_); }
    [[nodiscard]] bool empty() const { return texts_.empty(); }

  private:
    std::vector<std::optional<std::string>> texts_;
};

std::vector<Fate> insert_batch(Tx& tx, int cache, Batch batch) {
    std::unordered_map<HashPart, std::size_t> places;
    Column hashes, names, texts, nar_hashes, nar_sizes, derivers, cas, systems;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto& narinfo = *batch[i].narinfo;
        const auto& path = narinfo.store_path().base;
        places.emplace(path.hash, i);
        hashes.add(path.hash.bytes());
        names.add(path.name);
        texts.add(narinfo.text());
        nar_hashes.add(narinfo.nar_hash().bytes());
        nar_sizes.add(narinfo.nar_size());
        derivers.add(narinfo.deriver());
        cas.add(narinfo.ca());
        systems.add(narinfo.system());
    }
    const auto added = exec(
        tx,
        sql::insert_narinfos,
        cache,
        hashes.array(),
        names.array(),
        texts.array(),
        nar_hashes.array(),
        nar_sizes.array(),
        derivers.array(),
        cas.array(),
        systems.array()
    );
    std::vector<Fate> fates(batch.size(), Fate::present);
    for (const auto& row : added) fates[places.at(to_hash_part(row[0]))] = Fate::added;
    if (static_cast<std::size_t>(added.size()) == batch.size()) return fates;
    const auto conflicts = exec(
        tx,
        sql::find_conflicts,
        cache,
        hashes.array(),
        names.array(),
        nar_hashes.array(),
        nar_sizes.array()
    );
    for (const auto& row : conflicts) fates[places.at(to_hash_part(row[0]))] = Fate::conflict;
    return fates;
}

// The graph's rows of the added narinfos: their references' ids, in the order of the text.
void insert_graph(Tx& tx, Batch batch, const PathIds& ids, StoreReport& report) {
    std::vector<std::string> rows;
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
        report.added_ids.push_back(ids.at(narinfo.store_path().base.hash).id);
        rows.push_back(int_array(references));
    }
    if (rows.empty()) return;
    exec(tx, sql::insert_graph, int_array(report.added_ids), text_array(rows));
}

// NARs of new narinfos, and that these name them.
class NewNars {
  public:
    void add(const HashPart& narinfo, const std::string& url, const NarFile& file) {
        hashes_.add(narinfo.bytes());
        urls_.add(url);
        compressions_.add(file.compression);
        file_hashes_.add(bytea_or_null(file.hash));
        file_sizes_.add(text_or_null(file.size));
    }

    void store(Tx& tx, int cache) const {
        if (hashes_.empty()) return;
        exec(
            tx,
            sql::insert_nars,
            cache,
            urls_.array(),
            compressions_.array(),
            file_hashes_.array(),
            file_sizes_.array()
        );
        exec(tx, sql::insert_narinfo_nars, cache, hashes_.array(), urls_.array());
    }

  private:
    Column hashes_, urls_, compressions_, file_hashes_, file_sizes_;
};

// Where NARs are, also of narinfos that are there already.
class Places {
  public:
    void add(const HashPart& narinfo, const std::string& url, const NarPlace& place) {
        hashes_.add(narinfo.bytes());
        urls_.add(url);
        sites_.add(std::to_string(place.site));
        paths_.add(place.path);
    }

    void store(Tx& tx, int cache) const {
        if (hashes_.empty()) return;
        exec(
            tx,
            sql::insert_nar_locations,
            cache,
            hashes_.array(),
            urls_.array(),
            sites_.array(),
            paths_.array()
        );
    }

  private:
    Column hashes_, urls_, sites_, paths_;
};

void insert_nars(Tx& tx, int cache, Batch batch, const std::vector<Fate>& fates) {
    NewNars nars;
    Places places;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (fates[i] == Fate::conflict) continue;
        const auto& narinfo = *batch[i].narinfo;
        const auto& hash = narinfo.store_path().base.hash;
        for (std::size_t f = 0; f < narinfo.files().size(); ++f) {
            const auto& file = narinfo.files()[f];
            const auto url = nar_path(file.url).value_or(file.url);
            if (fates[i] == Fate::added) nars.add(hash, url, file);
            if (batch[i].places[f]) places.add(hash, url, *batch[i].places[f]);
        }
    }
    nars.store(tx, cache);
    places.store(tx, cache);
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
    StoreReport report{insert_batch(tx, cache, batch), {}, {}};
    const auto ids = path_ids_of(tx, cache, batch, report.fates);
    insert_graph(tx, batch, ids, report);
    insert_nars(tx, cache, batch, report.fates);
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
