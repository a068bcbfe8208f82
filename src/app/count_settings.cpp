// The settings of what is noted of requests: part of the table in settings.cpp.
#include "setting_kinds.hpp"

namespace narthex::app {

std::vector<Setting> count_settings() {
    return {
        boolean(
            "count-requests",
            "true|false",
            "count how often each path is asked for, for narthex stats and the collector",
            [](Config& config) -> bool& { return config.count_requests; }
        ),
        number(
            "count-flush-seconds",
            "SECONDS",
            "how often counts are stored: what a server that is killed loses, at most",
            {1, 3600},
            [](Config& config) -> auto& { return config.count_flush; }
        ),
        number(
            "count-keep-days",
            "DAYS",
            "how long counts are kept",
            {1, 36'500},
            [](Config& config) -> auto& { return config.count_keep; }
        ),
        number(
            "auto-restore",
            "K",
            "requests for a hidden path that bring it and its closure back; 0: it stays hidden",
            {0, 1'000'000'000},
            [](Config& config) -> auto& { return config.auto_restore; }
        ),
        number(
            "lease-hours",
            "HOURS",
            "how long a path stays that a publisher was told is there",
            {1, 8760},
            [](Config& config) -> auto& { return config.uploads.lease; }
        ),
    };
}

}  // namespace narthex::app
