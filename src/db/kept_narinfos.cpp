#include "narthex/db/kept_narinfos.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

namespace narthex::db {

std::vector<KeptNarinfo> find_kept_narinfos(Tx& tx, std::span<const PathKey> keys, int days) {
    std::vector<int> caches;
    std::vector<HashPart> hashes;
    for (const auto& key : keys) {
        caches.push_back(key.cache);
        hashes.push_back(key.hash);
    }
    std::vector<KeptNarinfo> found;
    for (const auto& row :
         exec(tx, sql::find_kept_narinfos, int_array(caches), bytea_array(hashes), days)) {
        found.push_back(
            {row[0].as<std::size_t>() - 1,
             static_cast<KeptState>(row[1].as<int>()),
             row[2].is_null() ? "" : row[2].as<std::string>()}
        );
    }
    return found;
}

}  // namespace narthex::db
