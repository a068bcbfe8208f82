#include "narthex/db/roots.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

#include <charconv>
#include <stdexcept>
#include <string_view>

namespace narthex::db {

namespace {

template <class Number>
std::optional<Number> to_number(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<Number>();
}

template <class Number>
std::string text_or_empty(const std::optional<Number>& number) {
    return number ? std::to_string(*number) : std::string();
}

std::string boolean(bool value) {
    return value ? "t" : "f";
}

// Of an int[] without nulls: "{1,2}".
std::vector<int> to_ints(std::string_view text) {
    std::vector<int> out;
    const char* at = text.data() + 1;
    const char* end = text.data() + text.size() - 1;
    while (at < end) {
        int number = 0;
        const auto parsed = std::from_chars(at, end, number);
        if (parsed.ec != std::errc{}) throw std::logic_error("an int[] column is malformed");
        out.push_back(number);
        at = parsed.ptr + 1;
    }
    return out;
}

RootKind to_kind(const pqxx::field& field) {
    const auto kind = parse_root_kind(field.c_str());
    if (!kind) throw std::logic_error("a root is of an unknown kind");
    return *kind;
}

Root to_root(const pqxx::row& row) {
    return {
        row[0].as<int>(),
        row[1].as<std::string>(),
        to_kind(row[2]),
        row[3].as<std::string>(),
        row[4].as<std::size_t>(),
        to_number<int>(row[5]),
        to_number<std::int64_t>(row[6]),
        row[7].as<bool>(),
        row[8].as<std::string>(),
        row[9].as<std::string>(),
        row[10].as<std::int64_t>(),
        to_number<std::int64_t>(row[11]),
    };
}

Channel to_channel(const pqxx::row& row) {
    const auto status = parse_channel_status(row[2].c_str());
    if (!status) throw std::logic_error("a channel has an unknown status");
    return {
        row[0].as<int>(),
        row[1].as<std::string>(),
        {*status, to_number<int>(row[3]), to_number<std::int64_t>(row[4])},
    };
}

std::vector<HashPart> to_hash_parts(const pqxx::result& rows) {
    std::vector<HashPart> out;
    for (const auto& row : rows) out.push_back(to_hash_part(row[0]));
    return out;
}

}  // namespace

std::vector<LivingRoot> load_roots(Tx& tx, std::span<const int> ids) {
    std::vector<LivingRoot> out;
    for (const auto& row : exec(tx, sql::load_roots, int_array(ids))) {
        out.push_back({
            row[0].as<int>(),
            row[1].as<std::string>(),
            row[2].as<std::string>(),
            to_ints(row[3].c_str()),
            row[4].as<std::string>(),
            row[5].as<bool>(),
        });
    }
    return out;
}

std::vector<Root> list_roots(Tx& tx, int cache) {
    std::vector<Root> out;
    for (const auto& row : exec(tx, sql::list_roots, cache)) out.push_back(to_root(row));
    return out;
}

std::optional<Root> lock_root(Tx& tx, int cache, const std::string& name) {
    const auto rows = exec(tx, sql::lock_root, cache, name);
    if (rows.empty()) return std::nullopt;
    return to_root(rows[0]);
}

std::optional<int> insert_root(Tx& tx, int cache, const NewRoot& root) {
    const auto rows = exec(
        tx,
        sql::insert_root,
        cache,
        root.name,
        std::string(to_string(root.kind)),
        root.item,
        int_array(root.paths),
        text_or_empty(root.channel),
        text_or_empty(root.bumped_at),
        boolean(root.never_delete),
        root.owner,
        root.reason,
        text_or_empty(root.expires_at)
    );
    if (rows.empty()) return std::nullopt;
    return rows[0][0].as<int>();
}

void update_root(Tx& tx, int id, const NewRoot& root) {
    exec(
        tx,
        sql::update_root,
        id,
        std::string(to_string(root.kind)),
        root.item,
        int_array(root.paths),
        text_or_empty(root.channel),
        text_or_empty(root.bumped_at),
        boolean(root.never_delete),
        root.owner,
        root.reason,
        text_or_empty(root.expires_at)
    );
}

void delete_root(Tx& tx, int id) {
    exec(tx, sql::delete_root, id);
}

bool has_paths(Tx& tx, int root, std::span<const int> paths) {
    const auto rows = exec(tx, sql::root_has_paths, root, int_array(paths));
    return !rows.empty() && rows[0][0].as<bool>();
}

std::vector<RootPath> list_root_paths(Tx& tx, int root, std::size_t from, std::size_t most) {
    std::vector<RootPath> out;
    for (const auto& row : exec(tx, sql::list_root_paths, root, from + 1, from + most)) {
        out.push_back({to_hash_part(row[0]), row[1].as<std::string>(), row[2].as<bool>()});
    }
    return out;
}

std::map<int, std::size_t> count_unserved_paths(Tx& tx, std::span<const int> roots) {
    std::map<int, std::size_t> out;
    for (const auto& row : exec(tx, sql::count_unserved_paths, int_array(roots))) {
        out.emplace(row[0].as<int>(), row[1].as<std::size_t>());
    }
    return out;
}

std::vector<std::size_t> find_unserved(Tx& tx, int cache, std::span<const HashPart> hashes) {
    std::vector<std::size_t> places;
    for (const auto& row : exec(tx, sql::find_unserved, cache, bytea_array(hashes))) {
        places.push_back(row[0].as<std::size_t>() - 1);
    }
    return places;
}

std::vector<HashPart> root_hashes(Tx& tx, std::span<const int> roots) {
    return to_hash_parts(exec(tx, sql::root_hashes, int_array(roots)));
}

std::vector<HashPart> hidden_matching(Tx& tx, int cache, const std::string& regex) {
    return to_hash_parts(exec(tx, sql::hidden_matching, cache, regex));
}

std::vector<Channel> list_channels(Tx& tx, int cache) {
    std::vector<Channel> out;
    for (const auto& row : exec(tx, sql::list_channels, cache)) out.push_back(to_channel(row));
    return out;
}

std::optional<Channel> lock_channel(Tx& tx, int cache, const std::string& name) {
    const auto rows = exec(tx, sql::lock_channel, cache, name);
    if (rows.empty()) return std::nullopt;
    return to_channel(rows[0]);
}

int store_channel(Tx& tx, int cache, const std::string& name, const RetentionRule& rule) {
    const auto rows = exec(
        tx,
        sql::store_channel,
        cache,
        name,
        std::string(to_string(rule.status)),
        text_or_empty(rule.keep_last),
        text_or_empty(rule.max_age)
    );
    return rows.at(0)[0].as<int>();
}

void delete_channel(Tx& tx, int id) {
    exec(tx, sql::delete_channel, id);
}

}  // namespace narthex::db
