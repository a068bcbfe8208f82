#include "narthex/db/kept_nars.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

namespace narthex::db {

std::vector<PlacedNar> list_placed_nars(Tx& tx, std::int64_t before, int most) {
    std::vector<PlacedNar> nars;
    for (const auto& row : exec(tx, sql::list_placed_nars, before, most)) {
        PlacedNar nar{
            row[0].as<std::int64_t>(), row[1].as<std::string>(), row[2].as<std::string>(), {}};
        if (!row[3].is_null()) {
            nar.facts.hash = Sha256::parse("sha256:" + row[3].as<std::string>()).value();
        }
        if (!row[4].is_null()) nar.facts.size = row[4].as<std::uint64_t>();
        nars.push_back(std::move(nar));
    }
    return nars;
}

bool has_nars(Tx& tx) {
    return exec(tx, sql::has_nars)[0][0].as<bool>();
}

std::vector<bool> are_named(
    Tx& tx, std::span<const std::string> caches, std::span<const std::string> urls
) {
    std::vector<bool> named(urls.size());
    for (const auto& row : exec(tx, sql::find_named_nars, text_array(caches), text_array(urls))) {
        named.at(row[0].as<std::size_t>() - 1) = true;
    }
    return named;
}

}  // namespace narthex::db
