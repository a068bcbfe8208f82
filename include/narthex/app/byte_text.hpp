// Bytes as people read them. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace narthex::app {

// "512 B", "4.2 GiB"
[[nodiscard]] std::string byte_text(std::uint64_t bytes);

}  // namespace narthex::app
