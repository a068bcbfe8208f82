#include "narthex/db/heartbeats.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

namespace narthex::db {

std::optional<Heartbeat> read_heartbeat(Tx& tx) {
    const auto rows = exec(tx, sql::read_heartbeat);
    if (rows.empty()) return std::nullopt;
    const auto row = rows[0];
    const std::chrono::microseconds since_1970(row[0].as<std::int64_t>());
    return Heartbeat{
        std::chrono::system_clock::time_point(since_1970),
        row[1].as<std::uint64_t>(),
        row[2].as<std::int64_t>(),
        row[3].as<int>(),
    };
}

void write_heartbeat(Tx& tx) {
    exec(tx, sql::write_heartbeat);
}

}  // namespace narthex::db
