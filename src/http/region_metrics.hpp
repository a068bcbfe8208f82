// The metrics of regions. Layer http's own.
#pragma once

#include "metric_list.hpp"

#include "narthex/http/region_figures.hpp"

namespace narthex::http {

void add_regions(MetricList& out, const RegionFigures& figures);

}  // namespace narthex::http
