// Rows of the graph, (id, refs), as PostgreSQL sends them in binary. Layer db's own.
#pragma once

#include "narthex/db/mark_reader.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace narthex::db {

// The ids of an int4[] without nulls (PostgreSQL, src/backend/utils/adt/arrayfuncs.c, array_send),
// into `out`. Throws std::logic_error when it is none.
void decode_ids(std::string_view array, std::vector<int>& out);

// The rows of a COPY ... TO STDOUT in binary (PostgreSQL's manual, "COPY", "Binary Format"), whose
// pieces are cut anywhere.
class GraphRows {
  public:
    // Calls `row` for each path that is `wanted`.
    GraphRows(const Wanted& wanted, const GraphRow& row) : wanted_(wanted), row_(row) {}

    void feed(std::string_view piece);

  private:
    [[nodiscard]] std::size_t take(std::string_view bytes);
    [[nodiscard]] std::size_t take_row(std::string_view bytes);

    const Wanted& wanted_;
    const GraphRow& row_;
    std::string rest_;  // of a row whose end hasn't come
    std::vector<int> references_;
    bool begun_ = false;
};

}  // namespace narthex::db
