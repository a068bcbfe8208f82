// The bodies in which tools name many paths at once. Pure, any thread.
#pragma once

#include "narthex/core/store_path.hpp"

#include <boost/system/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::http {

// Why a body is refused, for people; `too_many`: it is right but names too many paths.
struct BodyError {
    std::string message;
    bool too_many = false;
};

[[noreturn]] void throw_exception_from_error(
    const BodyError& error, const boost::source_location& where
);

template <class T>
using BodyResult = boost::system::result<T, BodyError>;

// Each once, in the order in which they are named first; never empty.
using HashList = std::vector<HashPart>;

// One path a line: its hash part, HASH-NAME or HASH.narinfo. Empty lines mean nothing.
[[nodiscard]] BodyResult<HashList> parse_hash_lines(std::string_view body, std::size_t most);

// Cachix: ["HASH", ...]. May be empty, unlike the others: nothing is missing then.
[[nodiscard]] BodyResult<HashList> parse_hash_array(std::string_view body, std::size_t most);

// Attic: {"cache": "NAME", "store_path_hashes": ["HASH", ...]}, perhaps with more keys.
struct AtticQuestion {
    std::string cache;
    HashList hashes;  // may be empty
};
[[nodiscard]] BodyResult<AtticQuestion> parse_attic_question(
    std::string_view body, std::size_t most
);

}  // namespace narthex::http
