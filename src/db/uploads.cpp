#include "narthex/db/uploads.hpp"

#include "pqxx.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/db/sql.hpp"

#include <stdexcept>

namespace narthex::db {

namespace {

std::optional<Sha256> to_sha256(const pqxx::field& hex) {
    if (hex.is_null()) return std::nullopt;
    return Sha256::parse("sha256:" + hex.as<std::string>()).value();
}

std::optional<std::uint64_t> to_size(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<std::uint64_t>();
}

std::size_t to_place(const pqxx::field& ordinality) {
    return ordinality.as<std::size_t>() - 1;
}

std::string bytea_of(std::string_view bytes) {
    return bytea({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()});
}

void place_nar(Tx& tx, std::int64_t id, const UploadedNar& nar) {
    exec(tx, sql::insert_nar_location, id, nar.site, nar.path);
    exec(tx, sql::insert_upload, id, nar.site, nar.path);
}

// The cache knows the NAR's URL already.
NarFate store_known_nar(Tx& tx, const UploadedNar& nar) {
    const auto rows = exec(tx, sql::find_nar, nar.cache, nar.url);
    if (rows.empty()) throw std::logic_error("a NAR is neither new nor known");
    const auto id = rows[0][0].as<std::int64_t>();
    const StoredNar stored{to_sha256(rows[0][1]), to_size(rows[0][2])};
    const bool placed = rows[0][3].as<bool>();
    // Bytes of an unknown hash may be others.
    if (placed && !stored.hash) return NarFate::conflict;
    if (stored.hash.value_or(nar.hash) != nar.hash) return NarFate::conflict;
    if (stored.size.value_or(nar.size) != nar.size) return NarFate::conflict;
    if (placed) {
        exec(tx, sql::renew_upload, id);
        return NarFate::present;
    }
    exec(tx, sql::complete_nar, id, bytea(nar.hash.bytes()), nar.size);
    place_nar(tx, id, nar);
    return NarFate::added;
}

}  // namespace

void share_publishing(Tx& tx) {
    exec(tx, sql::lock_publishing);
}

NarFate store_nar(Tx& tx, const UploadedNar& nar) {
    share_publishing(tx);
    const auto rows =
        exec(tx, sql::insert_uploaded_nar, nar.cache, nar.url, bytea(nar.hash.bytes()), nar.size);
    if (rows.empty()) return store_known_nar(tx, nar);
    place_nar(tx, rows[0][0].as<std::int64_t>(), nar);
    return NarFate::added;
}

bool is_upload_known(Tx& tx, int site, const std::string& path) {
    return exec(tx, sql::is_upload_known, site, path)[0][0].as<bool>();
}

std::vector<std::optional<StoredNar>> find_uploaded_nars(
    Tx& tx, int cache, std::span<const std::string> urls
) {
    std::vector<std::optional<StoredNar>> found(urls.size());
    for (const auto& row : exec(tx, sql::find_uploaded_nars, cache, text_array(urls))) {
        found.at(to_place(row[0])) = StoredNar{to_sha256(row[1]), to_size(row[2])};
    }
    return found;
}

std::optional<NarinfoInPlace> find_stored_narinfo(Tx& tx, const PathKey& key) {
    const auto rows = exec(tx, sql::find_stored_narinfo, key.cache, bytea(key.hash.bytes()));
    if (rows.empty()) return std::nullopt;
    return NarinfoInPlace{rows[0][0].as<std::string>(), rows[0][1].as<bool>()};
}

void add_narinfo_line(Tx& tx, const PathKey& key, const std::string& line) {
    exec(tx, sql::insert_narinfo_line, key.cache, bytea(key.hash.bytes()), line);
}

CompanionFate store_companion(Tx& tx, int cache, const Companion& companion) {
    const auto rows = exec(
        tx,
        sql::store_companion,
        cache,
        companion.path,
        std::string(to_string(companion.kind)),
        companion.output ? bytea(companion.output->bytes()) : std::string(),
        bytea_of(companion.content)
    );
    if (rows.empty()) return CompanionFate::conflict;
    return rows[0][0].as<bool>() ? CompanionFate::added : CompanionFate::replaced;
}

bool has_old_uploads(Tx& tx, int site, std::chrono::seconds age) {
    return exec(tx, sql::has_old_uploads, site, age.count())[0][0].as<bool>();
}

Swept sweep_uploads(Tx& tx, int site, std::chrono::seconds age, int most) {
    exec(tx, sql::lock_collecting);
    const auto row = exec(tx, sql::sweep_uploads, site, age.count(), most)[0];
    return {row[0].as<std::size_t>(), row[1].as<std::size_t>()};
}

std::vector<std::string> list_condemned_nars(Tx& tx, int site, int most) {
    std::vector<std::string> paths;
    for (const auto& row : exec(tx, sql::list_condemned_nars, site, most)) {
        paths.push_back(row[0].as<std::string>());
    }
    return paths;
}

void forget_condemned_nar(Tx& tx, int site, const std::string& path) {
    exec(tx, sql::forget_condemned_nar, site, path);
}

}  // namespace narthex::db
