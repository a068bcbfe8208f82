// The settings of an instance among others: part of the table in settings.cpp.
#include "setting_kinds.hpp"

namespace narthex::app {

std::vector<Setting> instance_settings() {
    return {
        number(
            "ready-lag-seconds",
            "SECONDS",
            "how far a region may be behind before /readyz says 503; 0: that doesn't matter",
            {0, 86'400},
            [](Config& config) -> auto& { return config.ready_lag; }
        ),
        number(
            "region-drop-after-hours",
            "HOURS",
            "when a primary drops the slot of a region that doesn't come; 0: never",
            {0, 87'600},
            [](Config& config) -> auto& { return config.region_drop_after; }
        ),
    };
}

}  // namespace narthex::app
