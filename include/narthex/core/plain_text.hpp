// Text that people give for people: notes, names, reasons. Pure, any thread.
#pragma once

#include <string_view>

namespace narthex {

// UTF-8 without control characters (so in one line, and safe on a terminal); may be empty.
[[nodiscard]] bool is_plain_text(std::string_view text);

}  // namespace narthex
