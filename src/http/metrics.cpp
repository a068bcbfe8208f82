#include "narthex/http/metrics.hpp"

#include "metric_list.hpp"
#include "region_metrics.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <span>
#include <sstream>

namespace narthex::http {

namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// In the order of Resource.
constexpr auto k_kinds = std::to_array<const char*>(
    {"front_page",
     "cache_info",
     "narinfo",
     "nar",
     "signing_key",
     "health",
     "ready",
     "narinfos",
     "closure",
     "cachix_missing",
     "attic_missing",
     "companion",
     "instance",
     "unknown"}
);
static_assert(k_kinds.size() == k_resources);

struct Series {
    Resource kind;
    int status;
};
// These are there from the start, so that a rate() sees their first increase. Others come when they
// happen.
constexpr std::array k_always_there = {
    Series{Resource::cache_info, 200},
    Series{Resource::narinfo, 200},
    Series{Resource::narinfo, 404},
    Series{Resource::narinfo, 503},
    Series{Resource::nar, 200},
    Series{Resource::nar, 404},
    Series{Resource::nar, 503},
};

bool is_always_there(std::size_t kind, int status) {
    return std::ranges::any_of(k_always_there, [&](const Series& series) {
        return static_cast<std::size_t>(series.kind) == kind && series.status == status;
    });
}

// Over all threads; `of` returns the Counter of one.
template <class Of>
std::uint64_t sum(const MetricFigures& figures, Of of) {
    std::uint64_t all = 0;
    for (const auto* thread : figures.threads) all += of(*thread).get();
    return all;
}

void add_requests(MetricList& out, const MetricFigures& figures) {
    out.begin(
        "narthex_http_requests_total", "Answered requests, by kind and status", MetricType::Counter
    );
    for (std::size_t kind = 0; kind < k_kinds.size(); ++kind) {
        for (std::size_t i = 0; i < k_statuses.size(); ++i) {
            const auto count = sum(figures, [&](const Counters& thread) -> const Counter& {
                return thread.answers[kind][i];
            });
            if (count == 0 && !is_always_there(kind, k_statuses[i])) continue;
            out.add_counter(
                {{"kind", k_kinds[kind]}, {"status", std::to_string(k_statuses[i])}}, count
            );
        }
    }
}

// Over all threads; `of` returns the Latency of one.
template <class Of>
void add_latency(MetricList& out, const MetricFigures& figures, MetricLabels labels, Of of) {
    constexpr auto& k_micros = Latency::k_bounds_us;
    std::array<double, k_micros.size()> bounds{};
    std::array<std::uint64_t, k_micros.size() + 1> counts{};
    std::ranges::transform(k_micros, bounds.begin(), [](int micros) { return micros / 1e6; });
    for (std::size_t i = 0; i < counts.size(); ++i) {
        counts[i] = sum(figures, [&](const Counters& thread) -> const Counter& {
            return of(thread).counts[i];
        });
    }
    const auto micros =
        sum(figures, [&](const Counters& thread) -> const Counter& { return of(thread).sum_us; });
    out.add_histogram(std::move(labels), bounds, counts, static_cast<double>(micros) / 1e6);
}

void add_latencies(MetricList& out, const MetricFigures& figures) {
    out.begin(
        "narthex_http_request_duration_seconds",
        "From the arrival of a request to handing its answer to the kernel",
        MetricType::Histogram
    );
    add_latency(out, figures, {}, [](const Counters& thread) -> const Latency& {
        return thread.latency;
    });
    out.begin(
        "narthex_bulk_duration_seconds",
        "The same, of requests for many paths at once, by kind",
        MetricType::Histogram
    );
    for (std::size_t i = 0; i < k_bulk_kinds.size(); ++i) {
        const auto* kind = k_kinds[static_cast<std::size_t>(k_bulk_kinds[i])];
        add_latency(out, figures, {{"kind", kind}}, [i](const Counters& thread) -> const Latency& {
            return thread.bulk[i];
        });
    }
}

void add_clients(MetricList& out, const MetricFigures& figures) {
    std::map<std::string, std::uint64_t> families;
    for (const auto* thread : figures.threads) {
        for (const auto& [name, count] : thread->families()) families[name] += count;
    }
    out.begin(
        "narthex_clients_total", "Requests, by the client's family and version", MetricType::Counter
    );
    for (const auto& [name, count] : families) out.add_counter({{"family", name}}, count);
}

void add_connections(MetricList& out, const MetricFigures& figures) {
    const auto total = [&](Counter Counters::*counter) {
        return sum(figures, [&](const Counters& thread) -> const Counter& {
            return thread.*counter;
        });
    };
    // Read in this order, no more have ended than were taken.
    const auto ended = total(&Counters::connections_ended);
    const auto taken = total(&Counters::connections);
    out.gauge("narthex_connections", "Open connections", static_cast<double>(taken - ended));
    out.counter("narthex_connections_total", "Connections that were taken", taken);
    out.counter(
        "narthex_connections_refused_total",
        "Connections that were reset, over max-connections",
        total(&Counters::connections_refused)
    );
    out.counter(
        "narthex_slow_clients_total",
        "Connections that were closed because the client took no bytes",
        total(&Counters::slow_clients)
    );
    out.counter(
        "narthex_sent_bytes_total",
        "Bytes of answers, but for the contents of NARs",
        total(&Counters::bytes_sent)
    );
}

void add_lookups(MetricList& out, const MetricFigures& figures) {
    using service::BatchSizes;
    constexpr auto& k_keys = BatchSizes::k_bounds;
    std::array<double, k_keys.size()> bounds{};
    std::array<std::uint64_t, k_keys.size() + 1> counts{};
    std::ranges::transform(k_keys, bounds.begin(), [](std::size_t keys) {
        return static_cast<double>(keys);
    });
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = figures.batches.count(i);
    out.begin(
        "narthex_lookup_batch_keys", "Lookups in one database statement", MetricType::Histogram
    );
    out.add_histogram({}, bounds, counts, static_cast<double>(figures.batches.sum()));
    const auto& lookups = figures.lookups;
    out.gauge(
        "narthex_lookup_queue_depth",
        "Lookups that wait for a database connection",
        static_cast<double>(lookups.queued)
    );
    out.gauge(
        "narthex_database_connections",
        "Database connections for lookups that work",
        static_cast<double>(lookups.connected)
    );
    out.counter(
        "narthex_database_failures_total", "Lookup statements that failed", lookups.failures
    );
    out.counter(
        "narthex_database_reconnects_total",
        "Database connections that replaced a lost one",
        lookups.reconnects
    );
}

void add_upstreams(MetricList& out, const MetricFigures& figures) {
    const auto& [upstreams, fetching, waiting] = figures.upstreams;
    out.begin("narthex_upstream_fetches_total", "Narinfos asked of upstreams", MetricType::Counter);
    for (const auto& [url, counts] : upstreams) {
        out.add_counter({{"upstream", url}, {"outcome", "found"}}, counts.found);
        out.add_counter({{"upstream", url}, {"outcome", "absent"}}, counts.absent);
        out.add_counter({{"upstream", url}, {"outcome", "failed"}}, counts.failed);
        out.add_counter({{"upstream", url}, {"outcome", "refused"}}, counts.refused);
    }
    out.begin(
        "narthex_upstream_paused",
        "1 while an upstream that failed is left alone",
        MetricType::Gauge
    );
    for (const auto& [url, counts] : upstreams) {
        out.add_gauge({{"upstream", url}}, counts.paused ? 1 : 0);
    }
    out.gauge(
        "narthex_upstream_fetching",
        "Fetches from upstreams that are under way",
        static_cast<double>(fetching)
    );
    out.gauge(
        "narthex_upstream_waiting_lookups",
        "Lookups that wait for an upstream",
        static_cast<double>(waiting)
    );
}

void add_cache(MetricList& out, const MetricFigures& figures) {
    const auto& cache = figures.cache;
    out.counter("narthex_cache_hits_total", "Narinfos asked for and in memory", cache.hits);
    out.counter("narthex_cache_misses_total", "Narinfos asked for and not in memory", cache.misses);
    out.counter("narthex_cache_evictions_total", "Answers that had to make room", cache.evictions);
    out.gauge("narthex_cache_bytes", "Memory of answers", static_cast<double>(cache.bytes));
    out.gauge("narthex_cache_entries", "Answers in memory", static_cast<double>(cache.entries));
    out.gauge(
        "narthex_cache_trusted",
        "1 while changes in the database are heard; 0: nothing is answered from memory",
        figures.cache_trusted ? 1 : 0
    );
}

void add_counts(MetricList& out, const MetricFigures& figures) {
    const auto& counts = figures.counts;
    out.counter(
        "narthex_counted_requests_total", "Requests whose counts are stored", counts.stored
    );
    out.counter(
        "narthex_uncounted_requests_total",
        "Requests whose counts were dropped: too many waited for the database",
        counts.dropped
    );
    out.gauge(
        "narthex_counts_waiting",
        "Paths whose counts wait for the database",
        static_cast<double>(counts.waiting)
    );
}

void add_leases(MetricList& out, const MetricFigures& figures) {
    out.counter(
        "narthex_leases_total",
        "Paths that were leased to publishers, again each time",
        figures.leases.leased
    );
    out.gauge(
        "narthex_leases_held",
        "Leases that this server remembers",
        static_cast<double>(figures.leases.held)
    );
}

void add_relayed(MetricList& out, const MetricFigures& figures) {
    const auto& primary = figures.primary;
    out.counter(
        "narthex_relayed_requests_total",
        "Requests that this region let its primary answer",
        primary.relayed
    );
    out.counter(
        "narthex_relayed_failures_total",
        "Of those, for which the primary couldn't be reached or was too slow",
        primary.failed
    );
    out.counter(
        "narthex_relayed_behind_total",
        "Narinfos that were published and hadn't come here in time",
        primary.behind
    );
    const auto& nars = figures.nars;
    out.begin("narthex_nar_fetches_total", "NARs fetched from the primary", MetricType::Counter);
    out.add_counter({{"outcome", "kept"}}, nars.kept);
    out.add_counter({{"outcome", "refused"}}, nars.refused);
    out.add_counter({{"outcome", "failed"}}, nars.failed);
    out.add_counter({{"outcome", "unkept"}}, nars.unkept);
    out.counter(
        "narthex_nar_fetched_bytes_total", "Bytes of NARs that were fetched and kept", nars.bytes
    );
    out.gauge(
        "narthex_nars_left",
        "NARs that this region is to fetch and hasn't yet",
        static_cast<double>(figures.nars_left)
    );
    out.begin(
        "narthex_kept_answers_total",
        "Answers of what the primary has hidden or purged and this region keeps",
        MetricType::Counter
    );
    out.add_counter({{"kind", "narinfo"}}, figures.kept.narinfos);
    out.add_counter({{"kind", "nar"}}, figures.kept.nars);
}

}  // namespace

std::vector<MetricFamily> metric_families(const MetricFigures& figures) {
    MetricList out;
    add_requests(out, figures);
    add_latencies(out, figures);
    add_clients(out, figures);
    add_connections(out, figures);
    add_lookups(out, figures);
    add_upstreams(out, figures);
    add_cache(out, figures);
    add_counts(out, figures);
    add_leases(out, figures);
    add_regions(out, figures.regions);
    add_relayed(out, figures);
    out.gauge("narthex_ready", "1 while /readyz says 200", figures.ready ? 1 : 0);
    out.gauge("narthex_build_info", "1; what runs", 1, {{"version", figures.version}});
    out.gauge(
        "process_start_time_seconds",
        "When the process started, in seconds since 1970",
        figures.started_at
    );
    return out.take();
}

std::string render_metrics(const std::vector<MetricFamily>& families) {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return std::move(out).str();
}

}  // namespace narthex::http
