// What an instance knows of its primary or of its regions, for /metrics.
#pragma once

#include "narthex/db/instance.hpp"
#include "narthex/db/region_status.hpp"
#include "narthex/service/count_sender.hpp"
#include "narthex/service/primary_lookups.hpp"
#include "narthex/service/uplink.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace narthex::http {

struct RegionFigures {
    db::Instance instance;
    // Of a region.
    bool up_to_date = true;
    std::optional<std::chrono::milliseconds> heartbeat_age;
    service::Uplink::Figures uplink;
    service::PrimaryLookups::Figures confirmed{};
    service::CountSender::Figures counts;
    // Of a primary.
    std::vector<db::RegionStatus> regions;
    std::size_t silent_regions = 0;  // didn't say their epoch
};

}  // namespace narthex::http
