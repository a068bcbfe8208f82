// How narinfos are looked up and how long they are kept: part of the table in settings.cpp.
#include "setting_kinds.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace narthex::app {

namespace {

Result<void> set_unavailable(Config& config, const std::string& given) {
    using http::UnavailablePolicy;
    if (given == "auto") {
        config.handler.unavailable = UnavailablePolicy::automatic;
    } else if (given == "503") {
        config.handler.unavailable = UnavailablePolicy::always_503;
    } else if (given == "404") {
        config.handler.unavailable = UnavailablePolicy::always_404;
    } else {
        return Error{fmt::format("\"{}\" is not one of auto, 503, 404", given)};
    }
    return {};
}

std::string show_unavailable(const Config& config) {
    switch (config.handler.unavailable) {
        case http::UnavailablePolicy::automatic:
            return "auto";
        case http::UnavailablePolicy::always_503:
            return "503";
        case http::UnavailablePolicy::always_404:
            return "404";
    }
    throw std::logic_error("unknown unavailable policy");
}

}  // namespace

std::vector<Setting> lookup_settings() {
    return {
        {"unavailable",
         "auto|503|404",
         "answer to narinfos while the database is away; auto: 404 for Nix below 2.32, else 503",
         set_unavailable,
         show_unavailable},
        number(
            "network-threads",
            "N",
            "threads that talk to clients",
            {1, 256},
            [](Config& config) -> auto& { return config.server.threads; }
        ),
        number(
            "database-connections",
            "N",
            "connections that look narinfos up",
            {1, 256},
            [](Config& config) -> auto& { return config.database_connections; }
        ),
        number(
            "largest-batch",
            "N",
            "lookups in one statement, at most",
            {1, 10'000},
            [](Config& config) -> auto& { return config.largest_batch; }
        ),
        number(
            "cache-bytes",
            "BYTES",
            "memory for answers, found and absent; 0 asks the database each time",
            {0, 1ULL << 40},
            [](Config& config) -> auto& { return config.cache_bytes; }
        ),
        number(
            "hit-max-age-seconds",
            "SECONDS",
            "how long proxies and Guix may keep a narinfo",
            {0, k_longest_age},
            [](Config& config) -> auto& { return config.max_ages.hit; }
        ),
        number(
            "miss-max-age-seconds",
            "SECONDS",
            "how long they may keep that there is none",
            {0, k_longest_age},
            [](Config& config) -> auto& { return config.max_ages.miss; }
        ),
        number(
            "new-max-age-seconds",
            "SECONDS",
            "how long they may keep a new narinfo",
            {0, k_longest_age},
            [](Config& config) -> auto& { return config.max_ages.new_path; }
        ),
        number(
            "new-for-seconds",
            "SECONDS",
            "how long a narinfo is new",
            {0, k_longest_age},
            [](Config& config) -> auto& { return config.max_ages.new_for; }
        ),
        number(
            "lookup-timeout-ms",
            "MS",
            "how long a lookup may take before it counts as unavailable",
            {10, 600'000},
            [](Config& config) -> auto& { return config.handler.lookup_timeout; }
        ),
    };
}

}  // namespace narthex::app
