// What narthex counts, in Prometheus's names and text format: the table of docs/operations.md in
// code. Any thread.
#pragma once

#include "narthex/http/counters.hpp"
#include "narthex/http/narinfo_cache.hpp"
#include "narthex/http/primary_answers.hpp"
#include "narthex/http/region_figures.hpp"
#include "narthex/service/batch_sizes.hpp"
#include "narthex/service/count_store.hpp"
#include "narthex/service/kept_lookups.hpp"
#include "narthex/service/leases.hpp"
#include "narthex/service/lookups.hpp"
#include "narthex/service/nar_fetch.hpp"
#include "narthex/service/upstreams.hpp"

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::http {

inline constexpr std::string_view k_metrics_type = "text/plain; version=0.0.4; charset=utf-8";

// What is counted where, at one time.
struct MetricFigures {
    std::vector<const Counters*> threads;  // a server's; none is null
    NarinfoCache::Figures cache{};
    bool cache_trusted = false;  // changes in the database are heard
    service::Lookups::Figures lookups{};
    service::Upstreams::Figures upstreams{};
    service::CountStore::Figures counts{};
    service::Leases::Figures leases{};
    RegionFigures regions{};
    PrimaryAnswers::Figures primary{};    // a region's
    service::NarFetches::Figures nars{};  // there, too
    std::uint64_t nars_left = 0;          // where all are fetched
    service::KeptLookups::Figures kept{};
    bool ready = false;  // as /readyz says
    const service::BatchSizes& batches;
    std::string version;
    double started_at = 0;  // of the process, in seconds since 1970
};

[[nodiscard]] std::vector<prometheus::MetricFamily> metric_families(const MetricFigures& figures);

[[nodiscard]] std::string render_metrics(const std::vector<prometheus::MetricFamily>& families);

}  // namespace narthex::http
