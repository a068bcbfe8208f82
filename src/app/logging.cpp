#include "narthex/app/logging.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace narthex::app {

void start_logging(const std::string& level) {
    constexpr std::size_t k_queue_lines = 8192;
    spdlog::init_thread_pool(k_queue_lines, 1);
    auto logger = std::make_shared<spdlog::async_logger>(
        "narthex",
        std::make_shared<spdlog::sinks::stderr_sink_mt>(),
        spdlog::thread_pool(),
        spdlog::async_overflow_policy::overrun_oldest
    );
    logger->set_level(spdlog::level::from_str(level));
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
    spdlog::set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
}

void stop_logging() {
    // Kept until its thread has been joined: the thread sanitizer doesn't see how it lets go of the
    // logger, which happens in a library that isn't built with it.
    const auto logger = spdlog::default_logger();
    spdlog::shutdown();
}

}  // namespace narthex::app
