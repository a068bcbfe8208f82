// Statements that take no parameters (CREATE ROLE and its like): sql/spell_*.sql return them, so
// that PostgreSQL itself does the quoting. Layer db's own.
#pragma once

#include "pqxx.hpp"

#include <string>

namespace narthex::db {

// Runs what `spell` returns, row by row.
template <class... Args>
void exec_spelled(Tx& tx, const Statement& spell, const Args&... args) {
    const pqxx::result statements = exec(tx, spell, args...);
    for (const auto& row : statements) tx.transaction.exec(row[0].c_str());
}

}  // namespace narthex::db
