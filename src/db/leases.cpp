#include "narthex/db/leases.hpp"

#include "pqxx.hpp"

#include "narthex/db/rescue.hpp"
#include "narthex/db/sql.hpp"
#include "narthex/db/uploads.hpp"

#include <algorithm>
#include <map>

namespace narthex::db {

namespace {

// Of a batch that is about to be active, whoever wants its paths takes them out. Where that can't
// be done, since something that a path needs is gone, the path is as good as hidden.
void rescue_served(Tx& tx, std::span<const PathKey> keys, std::vector<Presence>& presence) {
    std::map<int, std::vector<HashPart>> served;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (presence[i] == Presence::served) served[keys[i].cache].push_back(keys[i].hash);
    }
    for (const auto& [cache, hashes] : served) {
        const auto wanted = find_in_batches(tx, cache, hashes);
        if (wanted.empty()) continue;
        rescue_whole(tx, cache, wanted);
        for (const auto& left : find_in_batches(tx, cache, wanted)) {
            const auto at = std::ranges::find(keys, PathKey{cache, left});
            presence[static_cast<std::size_t>(at - keys.begin())] = Presence::hidden;
        }
    }
}

}  // namespace

std::vector<Presence> lease_paths(Tx& tx, std::span<const PathKey> keys, std::chrono::hours hours) {
    std::vector<int> caches;
    std::vector<HashPart> hashes;
    for (const auto& key : keys) {
        caches.push_back(key.cache);
        hashes.push_back(key.hash);
    }
    share_publishing(tx);
    std::vector<Presence> presence(keys.size(), Presence::absent);
    const auto rows = exec(
        tx,
        sql::lease_paths,
        int_array(caches),
        bytea_array(hashes),
        static_cast<int>(hours.count())
    );
    for (const auto& row : rows) {
        const auto place = row[0].as<std::size_t>() - 1;
        presence[place] = row[1].as<bool>() ? Presence::hidden : Presence::served;
    }
    rescue_served(tx, keys, presence);
    return presence;
}

std::size_t delete_ended_leases(Tx& tx, int most) {
    return exec(tx, sql::delete_ended_leases, most).size();
}

}  // namespace narthex::db
