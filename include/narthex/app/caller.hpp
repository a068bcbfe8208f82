// Who runs a command, for the audit log.
#pragma once

#include <cstdint>
#include <string>

namespace narthex::app {

// $NARTHEX_WHO, or the caller's login name. Throws UsageError when the former is no line of text.
[[nodiscard]] std::string caller_name();

// Seconds since 1970.
[[nodiscard]] std::int64_t current_time();

}  // namespace narthex::app
