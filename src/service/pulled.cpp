#include "narthex/service/pulled.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/db/changes.hpp"
#include "narthex/db/narinfos.hpp"

#include <map>

namespace narthex::service {

namespace {

using Part = std::vector<const PulledNarinfo*>;

// The upstream's own URLs, each with its query: a client that is sent there asks for just that.
std::vector<std::optional<db::NarPlace>> places_of(const Narinfo& narinfo, int site) {
    std::vector<std::optional<db::NarPlace>> places;
    for (const auto& file : narinfo.files()) {
        auto& place = places.emplace_back();
        if (!names_another_server(file.url)) place = db::NarPlace{site, file.url};
    }
    return places;
}

void store_part(db::Tx& tx, int cache, const Part& part) {
    std::map<std::string, int> sites;
    std::vector<db::StoredNarinfo> rows;
    rows.reserve(part.size());
    for (const auto* each : part) {
        const auto [site, fresh] = sites.try_emplace(each->upstream, 0);
        if (fresh) site->second = db::find_or_insert_nar_server(tx, each->upstream);
        rows.push_back({&each->narinfo, places_of(each->narinfo, site->second)});
    }
    // What they refer to and isn't there yet is pulled when somebody asks for it; what the operator
    // has hidden stays so.
    const auto stored = db::store_narinfos(tx, cache, rows);
    std::vector<HashPart> added;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (stored.fates[i] != db::Fate::added) continue;
        added.push_back(rows[i].narinfo->store_path().base.hash);
    }
    db::add_change(tx, db::ChangeKind::published, cache, added);
}

}  // namespace

std::set<PathKey> find_hidden(db::Connection& connection, std::span<const PathKey> keys) {
    std::set<PathKey> hidden;
    connection.read([&](db::Tx& tx) {
        for (const auto at : db::find_hidden(tx, keys)) hidden.insert(keys[at]);
    });
    return hidden;
}

void store_pulled(db::Connection& connection, std::span<const PulledNarinfo> pulled) {
    std::map<int, Part> parts;
    for (const auto& each : pulled) parts[each.cache].push_back(&each);
    for (const auto& [cache, part] : parts) {
        connection.write([&, cache = cache, &part = part](db::Tx& tx) {
            store_part(tx, cache, part);
        });
    }
}

}  // namespace narthex::service
