// Shows foreign text in a message: bounded in length, safe on a terminal and in a log line.
// Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace narthex {

// 'text' in single quotes; bytes outside printable ASCII as \xNN, the end of a long text as "...".
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace narthex
