// Whether a NAR's file is there, as long as it should be, and has the bytes it should have. Touches
// the disk; any thread.
#pragma once

#include "narthex/core/hash.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace narthex::service {

struct NarFileFault {
    enum class Kind { missing, unreadable, size, hash };
    Kind kind;
    std::string detail;  // as the end of a sentence; names the file
};

// Absent when all is well. `size` and `hash`: what they should be, where that is known; the hash is
// only compared when `read` is set, which adds what was read to `bytes_read`, and ends early, as if
// all were well, when `stop` is set.
[[nodiscard]] std::optional<NarFileFault> check_nar_file(
    const std::string& file,
    const std::optional<std::uint64_t>& size,
    const std::optional<Sha256>& hash,
    bool read,
    std::uint64_t& bytes_read,
    const std::atomic<bool>* stop
);

}  // namespace narthex::service
