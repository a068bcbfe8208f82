// Log lines: "event=... key=value". The one place between us and spdlog, whose templates would be
// compiled again, for seconds, in each file that logs. Any thread; where they go, and from which
// level on, is app/logging.hpp's.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace narthex::service {

enum class LogLevel { debug, info, warn, error };

// What comes from others goes into `line` through log_text() (core/log_text.hpp).
void log_line(LogLevel level, std::string_view line);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::warn, fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
    log_line(LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace narthex::service
