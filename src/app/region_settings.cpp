// The settings of a region: part of the table in settings.cpp.
#include "setting_kinds.hpp"

namespace narthex::app {

namespace {

Result<void> set_fetch_nars(Config& config, const std::string& given) {
    if (given != "asked" && given != "all") {
        return Error{"\"" + given + "\" is not one of asked, all"};
    }
    config.fetches_all_nars = given == "all";
    return {};
}

}  // namespace

std::vector<Setting> region_settings() {
    return {
        number(
            "primary-timeout-ms",
            "MS",
            "how long a region's primary may say nothing, or nearly nothing, before a request for "
            "it is answered with 504",
            {100, 600'000},
            [](Config& config) -> auto& { return config.primary_timeout; }
        ),
        text(
            "instance-ca",
            "FILE",
            "certificates (PEM) that vouch for the https of a region's primary and of a primary's "
            "regions; without: the system's",
            [](Config& config) -> std::string& { return config.instance_ca; }
        ),
        text(
            "nar-dir",
            "DIR",
            "where a region keeps NARs that it fetched from its primary; without: region-nars in "
            "the "
            "data directory, with --database nowhere",
            [](Config& config) -> std::string& { return config.nar_dir; }
        ),
        {"fetch-nars",
         "asked|all",
         "which NARs a region fetches: those that somebody asks for, or all, the newest first",
         set_fetch_nars,
         [](const Config& config) { return config.fetches_all_nars ? "all" : "asked"; }},
        number(
            "keep-purged-days",
            "DAYS",
            "how long a region that was joined with --full goes on serving what its primary has "
            "purged, and until then what that hides, as far as it has the NARs; 0: not at all",
            {0, 36'500},
            [](Config& config) -> auto& { return config.keep_purged; }
        ),
        number(
            "nar-fetches",
            "N",
            "NARs that a region fetches from its primary at once; more are answered with 503",
            {1, 1000},
            [](Config& config) -> auto& { return config.nar_fetches; }
        ),
    };
}

}  // namespace narthex::app
