// Bulk requests and upstreams: part of the table in settings.cpp.
#include "setting_kinds.hpp"

namespace narthex::app {

std::vector<Setting> bulk_settings() {
    return {
        number(
            "bulk-connections",
            "N",
            "connections that answer bulk requests",
            {1, 64},
            [](Config& config) -> auto& { return config.bulk_connections; }
        ),
        number(
            "bulk-timeout-ms",
            "MS",
            "how long an answer to a bulk request, or a piece of a closure, may take",
            {10, 600'000},
            [](Config& config) -> auto& { return config.bulk.timeout; }
        ),
        number(
            "bulk-limit-bytes",
            "BYTES",
            "size of a bulk request's body; larger is answered with 413",
            {1024, 1ULL << 30},
            [](Config& config) -> auto& { return config.bulk.body_bytes; }
        ),
        number(
            "bulk-answer-bytes",
            "BYTES",
            "size of a bulk request's answer; larger is answered with 413",
            {1024, 1ULL << 34},
            [](Config& config) -> auto& { return config.bulk.answer_bytes; }
        ),
        number(
            "bulk-memory-bytes",
            "BYTES",
            "memory for all bulk requests and their answers; past it they are answered with 503",
            {1 << 20, 1ULL << 40},
            [](Config& config) -> auto& { return config.bulk.memory_bytes; }
        ),
        number(
            "closure-limit-paths",
            "N",
            "paths of a closure that is sent as a whole; more are answered with 413",
            {1, 100'000'000},
            [](Config& config) -> auto& { return config.bulk.closure_paths; }
        ),
        number(
            "upstream-timeout-ms",
            "MS",
            "how long an upstream of a pull-through cache may take for a narinfo; half of it to "
            "connect",
            {10, 600'000},
            [](Config& config) -> auto& { return config.upstreams.timeout; }
        ),
        number(
            "upstream-fetches",
            "N",
            "narinfos that are fetched from upstreams at once",
            {1, 1000},
            [](Config& config) -> auto& { return config.upstreams.fetches; }
        ),
        number(
            "upstream-miss-seconds",
            "SECONDS",
            "how long it is remembered that no upstream has a path",
            {0, 86'400},
            [](Config& config) -> auto& { return config.upstreams.keep_misses; }
        ),
    };
}

}  // namespace narthex::app
