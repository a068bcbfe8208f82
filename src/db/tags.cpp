#include "narthex/db/tags.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

#include <algorithm>

namespace narthex::db {

namespace {

Sha256 to_sha256(const pqxx::field& field) {
    const auto bytes = from_hex(std::string_view(field.c_str()).substr(2)).value();
    std::array<unsigned char, Sha256::k_size> out{};
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return Sha256(out);
}

}  // namespace

void lock_publishing(Tx& tx) {
    exec(tx, sql::lock_publishing);
}

std::size_t add_tags(
    Tx& tx, int cache, std::span<const HashPart> paths, std::span<const Tag> tags
) {
    std::vector<std::string> keys;
    std::vector<std::string> values;
    for (const auto& tag : tags) {
        keys.push_back(tag.key);
        values.push_back(tag.value);
    }
    const auto added =
        exec(tx, sql::insert_tags, cache, bytea_array(paths), text_array(keys), text_array(values));
    return static_cast<std::size_t>(added.size());
}

std::size_t remove_tag(Tx& tx, int cache, std::span<const HashPart> paths, const Tag& tag) {
    const auto removed = exec(tx, sql::delete_tags, cache, bytea_array(paths), tag.key, tag.value);
    return static_cast<std::size_t>(removed.size());
}

std::vector<TagCount> count_tags(Tx& tx, int cache) {
    std::vector<TagCount> out;
    for (const auto& row : exec(tx, sql::count_tags, cache)) {
        out.push_back(
            {{row[0].as<std::string>(), row[1].as<std::string>()}, row[2].as<std::uint64_t>()}
        );
    }
    return out;
}

std::vector<ListedPath> list_tagged(
    Tx& tx, int cache, const Tag& tag, const std::optional<HashPart>& after, int most
) {
    const auto from = after ? bytea(after->bytes()) : bytea({});
    std::vector<ListedPath> out;
    for (const auto& row :
         exec(tx, sql::list_tagged_paths, cache, tag.key, tag.value, from, most)) {
        out.push_back({
            {to_hash_part(row[0]), row[1].as<std::string>()},
            to_sha256(row[2]),
            row[3].as<std::uint64_t>(),
            row[4].as<std::int64_t>(),
        });
    }
    return out;
}

std::vector<HashPart> find_known(Tx& tx, int cache, std::span<const HashPart> paths) {
    std::vector<HashPart> out;
    for (const auto& row : exec(tx, sql::find_known, cache, bytea_array(paths))) {
        out.push_back(to_hash_part(row[0]));
    }
    return out;
}

}  // namespace narthex::db
