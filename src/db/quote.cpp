#include "quote.hpp"

#include <stdexcept>

namespace narthex::db {

namespace {

// A name that PostgreSQL made holds none of what would need quoting.
void check_plain(std::string_view text) {
    if (text.empty() || text.find_first_of("'\\") != text.npos) {
        throw std::logic_error("a name that PostgreSQL can't have made");
    }
}

}  // namespace

std::string use_snapshot(std::string_view name) {
    check_plain(name);
    return "set transaction snapshot '" + std::string(name) + "'";
}

}  // namespace narthex::db
