// Layer db's own view of libpqxx: what differs between 6.4 (Debian 12) and 7.10 (Debian 13) is here
// and in connection.cpp alone. Not included outside src/db.
#pragma once

#include "narthex/core/encoding.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/db/statement.hpp"

#include <pqxx/pqxx>
#include <pqxx/stream_to>

#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::db {

struct Tx {
    pqxx::connection& connection;
    pqxx::transaction_base& transaction;
    std::set<const Statement*>& prepared;  // of this connection
};

// Prepares `statement` on the connection's first use of it.
void prepare(Tx& tx, const Statement& statement);

// Runs `statement`. Parameters are std::string and integers: all that 6.4 can bind.

template <class... Args>
pqxx::result exec(Tx& tx, const Statement& statement, const Args&... args) {
    prepare(tx, statement);
#if PQXX_VERSION_MAJOR < 7
    return tx.transaction.exec_prepared(statement.name, args...);
#else
    return tx.transaction.exec(pqxx::prepped{statement.name}, pqxx::params{args...});
#endif
}

// A COPY into `table`; rows are tuples of std::string, integers and or_null().
template <std::size_t N>
pqxx::stream_to copy_into(
    Tx& tx, const std::string& table, const std::array<std::string, N>& columns
) {
#if PQXX_VERSION_MAJOR < 7
    return pqxx::stream_to(tx.transaction, table, columns);
#else
    std::string list;
    for (const auto& column : columns) list += (list.empty() ? "" : ", ") + column;
    return pqxx::stream_to::raw_table(tx.transaction, table, list);
#endif
}

// An absent text as a COPY's null; the pointer lives as long as `text`.
[[nodiscard]] inline const char* or_null(const std::optional<std::string>& text) {
    return text ? text->c_str() : nullptr;
}

// Text forms of bytea and of arrays, which libpqxx 6.4 can't bind.
[[nodiscard]] inline std::string bytea(std::span<const unsigned char> bytes) {
    return "\\x" + to_hex(bytes);
}
[[nodiscard]] std::string bytea_array(std::span<const HashPart> hashes);
[[nodiscard]] std::string text_array(std::span<const std::string> texts);
[[nodiscard]] std::string text_array(std::span<const std::optional<std::string>> texts);
[[nodiscard]] std::string int_array(std::span<const int> numbers);

// A text[] column.
[[nodiscard]] std::vector<std::string> to_texts(const pqxx::field& field);
// A bytea column of 20 bytes.
[[nodiscard]] HashPart to_hash_part(const pqxx::field& field);

}  // namespace narthex::db
