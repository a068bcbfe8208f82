// Foreign text as one value of a log line: in quotes, with everything that could forge another
// field or line escaped, cut at 512 bytes.
// Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace narthex {

[[nodiscard]] std::string log_text(std::string_view text);

}  // namespace narthex
