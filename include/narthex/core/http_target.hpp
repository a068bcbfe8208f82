// The target of a request line: its path, its query, and what may become a file's name.
// Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace narthex {

struct Target {
    std::string_view path;                  // before the first '?', still percent-encoded
    std::optional<std::string_view> query;  // after it; "" for a '?' at the end

    bool operator==(const Target&) const = default;
};

// Both parts point into `target`.
[[nodiscard]] Target split_target(std::string_view target);

// An absolute target without the user and the password that its authority may have
// ("http://me:secret@host/x"), for logs; any other as it is.
[[nodiscard]] std::string without_user(std::string_view target);

// '+' stays as it is. Absent on '%' without two hexadecimal digits, and on %00, which would end a
// file's name early.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

// `path`, decoded, may be joined to a directory: not empty, no leading or trailing slash, no empty,
// "." or ".." component, no control character, and no backslash, which some proxies turn into '/'.
[[nodiscard]] bool is_safe_relative_path(std::string_view path);

}  // namespace narthex
