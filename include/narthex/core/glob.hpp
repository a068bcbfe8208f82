// Patterns of names, as shells have them (POSIX fnmatch without flags): '*' is any characters, '?'
// is one, [abc], [a-z] and [!a-z] are one of a set, everything else is itself. Pure, any thread.
#pragma once

#include "narthex/core/error.hpp"

#include <string>
#include <string_view>

namespace narthex {

// The regular expression that matches a name as a whole where `pattern` does; one that PostgreSQL
// reads (its advanced ones). `pattern` has 1 to 200 characters of
// which names of paths are made, and of "*?[]!^". An error says what is wrong with it.
[[nodiscard]] Result<std::string> glob_regex(std::string_view pattern);

}  // namespace narthex
