// `narthex stats --unused`: what nobody has asked for. Layer app's own.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/db/connection.hpp"

#include <vector>

namespace narthex::app {

struct UnusedFlags {
    int days;
    bool list;  // the paths, instead of how many
    bool json;  // an array, or with `list` an object a line
};

// Prints; returns the exit code. Throws what db throws.
int print_unused(
    const std::vector<Cache>& caches, const UnusedFlags& flags, db::Connection& connection
);

}  // namespace narthex::app
