#include "narthex/service/log.hpp"

#include <spdlog/spdlog.h>

namespace narthex::service {

namespace {

spdlog::level::level_enum level_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warn:
            return spdlog::level::warn;
        case LogLevel::error:
            break;
    }
    return spdlog::level::err;
}

}  // namespace

void log_line(LogLevel level, std::string_view line) {
    spdlog::log(level_of(level), line);
}

}  // namespace narthex::service
