#include "narthex/db/checks.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

#include <algorithm>

namespace narthex::db {

namespace {

Bytes to_bytes(const pqxx::field& field) {
    const std::string_view hex(field.c_str(), field.size());
    auto bytes = from_hex(hex.substr(std::min<std::size_t>(2, hex.size())));  // "\x..."
    if (!bytes) throw std::logic_error("a column is no bytea");
    return std::move(*bytes);
}

Sha256 to_sha256(const pqxx::field& field) {
    const auto bytes = to_bytes(field);
    std::array<unsigned char, Sha256::k_size> digest{};
    if (bytes.size() != digest.size()) throw std::logic_error("a column is no SHA-256");
    std::ranges::copy(bytes, digest.begin());
    return Sha256(digest);
}

std::vector<HashPart> split(const Bytes& joined) {
    std::vector<HashPart> out;
    out.reserve(joined.size() / HashPart::k_size);
    for (auto at = joined.begin(); at != joined.end(); at += HashPart::k_size) {
        std::array<unsigned char, HashPart::k_size> hash{};
        std::copy_n(at, HashPart::k_size, hash.begin());
        out.emplace_back(hash);
    }
    return out;
}

template <class T>
std::optional<T> optional_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<T>();
}

std::vector<HashPart> to_hash_parts(const pqxx::result& rows) {
    std::vector<HashPart> out;
    out.reserve(static_cast<std::size_t>(rows.size()));
    for (const auto& row : rows) out.push_back(to_hash_part(row[0]));
    return out;
}

}  // namespace

std::vector<HashPart> list_hash_parts(
    Tx& tx, int cache, const std::optional<HashPart>& after, std::size_t most
) {
    const auto from = after ? bytea(after->bytes()) : std::string("\\x");
    return to_hash_parts(exec(tx, sql::list_hash_parts, cache, from, static_cast<int>(most)));
}

std::vector<HashPart> sample_hash_parts(Tx& tx, int cache, std::span<const HashPart> from) {
    return to_hash_parts(exec(tx, sql::sample_hash_parts, cache, bytea_array(from)));
}

std::vector<CheckedNarinfo> check_narinfos(Tx& tx, int cache, std::span<const HashPart> hashes) {
    std::vector<CheckedNarinfo> out;
    for (const auto& row : exec(tx, sql::check_narinfos, cache, bytea_array(hashes))) {
        auto& narinfo = out.emplace_back(CheckedNarinfo{
            to_hash_part(row[0]),
            row[1].as<std::string>(),
            row[2].as<std::string>(),
            to_sha256(row[3]),
            row[4].as<std::uint64_t>(),
            row[5].as<bool>(),
            std::nullopt});
        if (!row[6].is_null()) narinfo.references = split(to_bytes(row[6]));
    }
    return out;
}

std::vector<MissingReference> find_missing_references(
    Tx& tx, int cache, std::span<const HashPart> hashes
) {
    std::vector<MissingReference> out;
    for (const auto& row : exec(tx, sql::find_missing_references, cache, bytea_array(hashes))) {
        out.push_back({to_hash_part(row[0]), to_hash_part(row[1])});
    }
    return out;
}

std::vector<CheckedNar> list_nars_of(Tx& tx, int cache, std::span<const HashPart> hashes) {
    std::vector<CheckedNar> out;
    for (const auto& row : exec(tx, sql::list_nars_of, cache, bytea_array(hashes))) {
        auto& nar = out.emplace_back(CheckedNar{
            to_hash_part(row[0]),
            row[1].as<std::int64_t>(),
            row[2].as<std::string>(),
            std::nullopt,
            optional_of<std::uint64_t>(row[4]),
            optional_of<int>(row[5]),
            optional_of<std::string>(row[6])});
        if (!row[3].is_null()) nar.file_hash = to_sha256(row[3]);
    }
    return out;
}

std::vector<CheckedNar> list_unnamed_nars(Tx& tx, int cache, std::int64_t after, std::size_t most) {
    std::vector<CheckedNar> out;
    const auto rows = exec(tx, sql::list_unnamed_nars, cache, after, static_cast<int>(most));
    for (const auto& row : rows) {
        out.push_back(CheckedNar{
            std::nullopt,
            row[0].as<std::int64_t>(),
            row[1].as<std::string>(),
            std::nullopt,
            std::nullopt,
            optional_of<int>(row[2]),
            optional_of<std::string>(row[3])});
    }
    return out;
}

void forget_nar_location(Tx& tx, std::int64_t nar, int site) {
    exec(tx, sql::forget_nar_location, nar, site);
}

bool forget_unnamed_nar(Tx& tx, std::int64_t nar) {
    return exec(tx, sql::forget_unnamed_nar, nar).affected_rows() > 0;
}

}  // namespace narthex::db
