// The JSON that tools are answered with. Pure, any thread.
#pragma once

#include "narthex/core/narinfo.hpp"

#include <chrono>
#include <span>
#include <string>

namespace narthex::http {

// An object of GetNarInfosV1 (version 2: docs/protocol.md) and a newline. Of several files it has
// the first.
[[nodiscard]] std::string narinfo_json_line(
    const Narinfo& narinfo, std::chrono::system_clock::time_point first_seen
);

// ["HASH", ...]
[[nodiscard]] std::string hash_array_json(std::span<const HashPart> hashes);

// {"missing_paths":["HASH", ...]}
[[nodiscard]] std::string missing_paths_json(std::span<const HashPart> hashes);

// Attic's form of an error.
[[nodiscard]] std::string attic_error_json(
    int code, const std::string& error, const std::string& message
);

}  // namespace narthex::http
