#include "narthex/db/kept_nars.hpp"

#include "pqxx.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/db/sql.hpp"

namespace narthex::db {

namespace {

// Of rows that are numbers from 1, one bool for each of `count`.
std::vector<bool> to_bools(const pqxx::result& rows, std::size_t count) {
    std::vector<bool> out(count);
    for (const auto& row : rows) out.at(row[0].as<std::size_t>() - 1) = true;
    return out;
}

}  // namespace

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
    const auto rows = exec(tx, sql::find_named_nars, text_array(caches), text_array(urls));
    return to_bools(rows, urls.size());
}

std::vector<bool> are_purged_lately(
    Tx& tx, std::span<const std::string> caches, std::span<const std::string> urls, int days
) {
    std::vector<std::string> targets;
    for (const auto& url : urls) targets.push_back(nar_target(url));
    exec(tx, sql::read_by_bitmap);
    const auto rows = exec(
        tx, sql::find_purged_nars, text_array(caches), text_array(urls), text_array(targets), days
    );
    return to_bools(rows, urls.size());
}

std::vector<bool> are_placed(Tx& tx, std::span<const NarKey> nars) {
    std::vector<int> caches;
    std::vector<std::string> urls;
    for (const auto& nar : nars) {
        caches.push_back(nar.cache);
        urls.push_back(nar.url);
    }
    const auto rows = exec(tx, sql::find_placed_nars, int_array(caches), text_array(urls));
    return to_bools(rows, nars.size());
}

}  // namespace narthex::db
