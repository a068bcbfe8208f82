// What a client may take: part of the table in settings.cpp.
#include "setting_kinds.hpp"

namespace narthex::app {

std::vector<Setting> client_settings() {
    return {
        number(
            "max-connections",
            "N",
            "client connections; more are reset",
            {1, 1'000'000},
            [](Config& config) -> auto& { return config.server.connections; }
        ),
        number(
            "max-pipeline",
            "N",
            "unanswered requests of one connection before reading pauses",
            {1, 1'000'000},
            [](Config& config) -> auto& { return config.server.limits.pipeline; }
        ),
        number(
            "header-limit-bytes",
            "BYTES",
            "size of a request's head; larger is answered with 431",
            {256, 1'048'576},
            [](Config& config) -> auto& { return config.server.limits.header_bytes; }
        ),
        number(
            "header-timeout-seconds",
            "SECONDS",
            "how long a request's head may take to arrive",
            {1, 3600},
            [](Config& config) -> auto& { return config.server.limits.header; }
        ),
        number(
            "idle-timeout-seconds",
            "SECONDS",
            "how long a connection may stay without a request",
            {1, 86'400},
            [](Config& config) -> auto& { return config.server.limits.idle; }
        ),
        number(
            "send-timeout-seconds",
            "SECONDS",
            "how long a client may take no byte of its answer",
            {1, 3600},
            [](Config& config) -> auto& { return config.server.limits.send; }
        ),
    };
}

}  // namespace narthex::app
