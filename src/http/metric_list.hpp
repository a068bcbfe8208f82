// Metrics as they are put together. Layer http's own.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace narthex::http {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

class MetricList {
  public:
    void counter(const char* name, const char* help, std::uint64_t value) {
        begin(name, help, prometheus::MetricType::Counter);
        add_counter({}, value);
    }

    void gauge(const char* name, const char* help, double value, MetricLabels labels = {}) {
        begin(name, help, prometheus::MetricType::Gauge);
        add_gauge(std::move(labels), value);
    }

    // What follows with add_... belongs to it.
    void begin(const char* name, const char* help, prometheus::MetricType type) {
        families_.push_back({name, help, type, {}});
    }

    void add_gauge(MetricLabels labels, double value) {
        prometheus::ClientMetric metric;
        metric.label = std::move(labels);
        metric.gauge.value = value;
        families_.back().metric.push_back(std::move(metric));
    }

    void add_counter(MetricLabels labels, std::uint64_t value) {
        prometheus::ClientMetric metric;
        metric.label = std::move(labels);
        metric.counter.value = static_cast<double>(value);
        families_.back().metric.push_back(std::move(metric));
    }

    // `counts`: one for each of `bounds`, not cumulative, and one for what is above.
    void add_histogram(
        MetricLabels labels,
        std::span<const double> bounds,
        std::span<const std::uint64_t> counts,
        double sum
    ) {
        prometheus::ClientMetric metric;
        metric.label = std::move(labels);
        std::uint64_t so_far = 0;
        for (std::size_t i = 0; i < bounds.size(); ++i) {
            so_far += counts[i];
            metric.histogram.bucket.push_back({so_far, bounds[i]});
        }
        // The serializer adds the bucket without an end.
        metric.histogram.sample_count = so_far + counts.back();
        metric.histogram.sample_sum = sum;
        families_.back().metric.push_back(std::move(metric));
    }

    std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

  private:
    std::vector<prometheus::MetricFamily> families_;
};

}  // namespace narthex::http
