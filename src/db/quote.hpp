// Utility statements that take no parameters, with their values quoted. Layer db's own.
#pragma once

#include <string>
#include <string_view>

namespace narthex::db {

// To see what the transaction sees that exported this snapshot: the first statement of a REPEATABLE
// READ transaction.
[[nodiscard]] std::string use_snapshot(std::string_view name);

}  // namespace narthex::db
