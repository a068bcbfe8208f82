#include "narthex/http/metrics.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <sstream>

namespace narthex::http {
namespace {

using namespace std::chrono_literals;

class Metrics : public testing::Test {
  protected:
    std::string text(const std::string& version = "1.2.3") const {
        return render_metrics(metric_families(MetricFigures{
            .threads = {&first_, &second_},
            .cache = cache_,
            .cache_trusted = trusted_,
            .lookups = lookups_,
            .upstreams = upstreams_,
            .counts = {100, 7, 3},
            .leases = {20, 5},
            .regions = regions_,
            .ready = trusted_,
            .batches = batches_,
            .version = version,
            .started_at = 1'700'000'000.5,
        }));
    }

    // Whether `line` is one of the text's.
    bool says(const std::string& line) const {
        std::istringstream lines(text());
        for (std::string each; std::getline(lines, each);) {
            if (each == line) return true;
        }
        return false;
    }

    Counters first_;  // of two network threads
    Counters second_;
    NarinfoCache::Figures cache_{};
    bool trusted_ = false;
    service::Lookups::Figures lookups_{};
    service::Upstreams::Figures upstreams_;
    service::BatchSizes batches_;
    RegionFigures regions_;
};

TEST_F(Metrics, sums_requests_over_all_threads) {
    first_.count_answer(Resource::narinfo, 200);
    first_.count_answer(Resource::narinfo, 200);
    second_.count_answer(Resource::narinfo, 200);
    second_.count_answer(Resource::cache_info, 304);
    EXPECT_TRUE(says("narthex_http_requests_total{kind=\"narinfo\",status=\"200\"} 3"));
    EXPECT_TRUE(says("narthex_http_requests_total{kind=\"cache_info\",status=\"304\"} 1"));
}

TEST_F(Metrics, tells_of_counts_and_leases) {
    EXPECT_TRUE(says("narthex_counted_requests_total 100"));
    EXPECT_TRUE(says("narthex_uncounted_requests_total 7"));
    EXPECT_TRUE(says("narthex_counts_waiting 3"));
    EXPECT_TRUE(says("narthex_leases_total 20"));
    EXPECT_TRUE(says("narthex_leases_held 5"));
}

TEST_F(Metrics, tells_a_primary_of_its_regions) {
    EXPECT_TRUE(says("narthex_instance_role{role=\"primary\"} 1"));
    EXPECT_TRUE(says("narthex_instance_role{role=\"region\"} 0"));
    EXPECT_TRUE(says("narthex_instance_epoch 1"));
    EXPECT_EQ(text().find("{region="), std::string::npos);
    EXPECT_EQ(text().find("\nnarthex_up_to_date "), std::string::npos);
    db::RegionStatus region;
    region.name = "eu1";
    regions_.regions.push_back(region);
    region.name = "us1";
    region.slot = db::RegionStatus::Slot{true, "reserved", 1000, 5000};
    region.report = db::RegionStatus::Report{0, 1, 8, 1.5, 3, 2, "late"};
    regions_.regions.push_back(region);
    EXPECT_TRUE(says("narthex_region_slot_active{region=\"us1\"} 1"));
    EXPECT_TRUE(says("narthex_region_lag_bytes{region=\"us1\"} 1000"));
    EXPECT_TRUE(says("narthex_region_wal_held_bytes{region=\"us1\"} 5000"));
    EXPECT_TRUE(says("narthex_region_slot_lost{region=\"us1\"} 0"));
    EXPECT_TRUE(says("narthex_region_behind_seconds{region=\"us1\"} 1.5"));
    EXPECT_TRUE(says("narthex_region_errors{region=\"us1\"} 2"));
    EXPECT_TRUE(says("narthex_region_troubled{region=\"us1\"} 1"));
    EXPECT_EQ(text().find("{region=\"eu1\"}"), std::string::npos);
}

TEST_F(Metrics, tells_of_a_region_whose_slot_is_gone) {
    db::RegionStatus region;
    region.name = "eu1";
    region.joined_at = 100;
    regions_.regions.push_back(region);
    region.name = "us1";
    region.left_at = 200;
    regions_.regions.push_back(region);
    EXPECT_TRUE(says("narthex_region_slot_active{region=\"eu1\"} 0"));
    EXPECT_TRUE(says("narthex_region_slot_lost{region=\"eu1\"} 1"));
    EXPECT_EQ(text().find("narthex_region_lag_bytes{region="), std::string::npos);
    EXPECT_EQ(text().find("{region=\"us1\"}"), std::string::npos);
}

TEST_F(Metrics, tells_a_region_of_itself) {
    regions_.instance.role = db::InstanceRole::region;
    regions_.up_to_date = false;
    regions_.confirmed = {10, 2, 1, 4};
    regions_.counts = {30, 7};
    EXPECT_EQ(text().find("\nnarthex_heartbeat_age_seconds "), std::string::npos);
    regions_.heartbeat_age = 2500ms;
    regions_.uplink.subscription = db::SubscriptionState{true, false, 3, 2};
    EXPECT_TRUE(says("narthex_instance_role{role=\"region\"} 1"));
    EXPECT_TRUE(says("narthex_up_to_date 0"));
    EXPECT_TRUE(says("narthex_heartbeat_age_seconds 2.5"));
    EXPECT_TRUE(says("narthex_confirmations_total 10"));
    EXPECT_TRUE(says("narthex_confirmed_total{result=\"found\"} 2"));
    EXPECT_TRUE(says("narthex_confirmed_total{result=\"hidden\"} 1"));
    EXPECT_TRUE(says("narthex_confirmed_total{result=\"absent\"} 4"));
    EXPECT_TRUE(says("narthex_uplink_connected 0"));
    EXPECT_TRUE(says("narthex_subscription_enabled 1"));
    EXPECT_TRUE(says("narthex_subscription_applying 0"));
    EXPECT_TRUE(says("narthex_subscription_errors 3"));
    EXPECT_TRUE(says("narthex_subscription_tables_copying 2"));
    EXPECT_TRUE(says("narthex_counts_sent_total 30"));
    EXPECT_TRUE(says("narthex_counts_unsent 7"));
}

TEST_F(Metrics, has_the_common_series_from_the_start_and_no_others) {
    EXPECT_TRUE(says("narthex_http_requests_total{kind=\"narinfo\",status=\"503\"} 0"));
    EXPECT_TRUE(says("narthex_http_requests_total{kind=\"nar\",status=\"404\"} 0"));
    EXPECT_EQ(text().find("kind=\"narinfo\",status=\"206\""), std::string::npos);
    EXPECT_EQ(text().find("kind=\"unknown\""), std::string::npos);
}

TEST_F(Metrics, has_cumulative_latency_buckets) {
    first_.latency.add(50us, 2);
    second_.count_latency(Resource::narinfo, 80us);
    second_.latency.add(10s, 3);
    const std::string name = "narthex_http_request_duration_seconds";
    EXPECT_TRUE(says(name + "_bucket{le=\"5e-05\"} 2"));
    EXPECT_TRUE(says(name + "_bucket{le=\"0.0001\"} 3"));
    EXPECT_TRUE(says(name + "_bucket{le=\"2.5\"} 3"));
    EXPECT_TRUE(says(name + "_bucket{le=\"+Inf\"} 6"));
    EXPECT_TRUE(says(name + "_count 6"));
    EXPECT_TRUE(says(name + "_sum 30.00018"));
}

TEST_F(Metrics, has_latencies_of_each_kind_of_bulk_request) {
    first_.count_latency(Resource::closure, 3s);
    second_.count_latency(Resource::closure, 20ms);
    second_.count_latency(Resource::narinfo, 20ms);
    const std::string name = "narthex_bulk_duration_seconds";
    EXPECT_TRUE(says(name + "_bucket{kind=\"closure\",le=\"0.025\"} 1"));
    EXPECT_TRUE(says(name + "_count{kind=\"closure\"} 2"));
    EXPECT_TRUE(says(name + "_count{kind=\"attic_missing\"} 0"));
    EXPECT_EQ(text().find(name + "_count{kind=\"narinfo\"}"), std::string::npos);
    EXPECT_TRUE(says("narthex_http_request_duration_seconds_count 3"));
}

TEST_F(Metrics, has_cumulative_batch_buckets) {
    for (const std::size_t keys : {1, 2, 3, 256, 9000}) batches_.add(keys);
    EXPECT_TRUE(says("narthex_lookup_batch_keys_bucket{le=\"1\"} 1"));
    EXPECT_TRUE(says("narthex_lookup_batch_keys_bucket{le=\"2\"} 2"));
    EXPECT_TRUE(says("narthex_lookup_batch_keys_bucket{le=\"4\"} 3"));
    EXPECT_TRUE(says("narthex_lookup_batch_keys_bucket{le=\"256\"} 4"));
    EXPECT_TRUE(says("narthex_lookup_batch_keys_bucket{le=\"4096\"} 4"));
    EXPECT_TRUE(says("narthex_lookup_batch_keys_bucket{le=\"+Inf\"} 5"));
    EXPECT_TRUE(says("narthex_lookup_batch_keys_sum 9262"));
}

TEST_F(Metrics, counts_clients_by_family) {
    first_.family("curl/8.14.1 Nix/2.26.3").add(2);
    second_.family("curl/8.5.0 Nix/2.26.0").add(1);
    second_.family("GNU Guile").add(5);
    second_.family("Evil\"\n").add(1);
    EXPECT_TRUE(says("narthex_clients_total{family=\"Nix 2.26\"} 3"));
    EXPECT_TRUE(says("narthex_clients_total{family=\"Guix\"} 5"));
    EXPECT_TRUE(says("narthex_clients_total{family=\"other\"} 1"));
}

TEST_F(Metrics, has_a_bounded_number_of_families) {
    for (int i = 0; i < 1000; ++i) first_.family("Nix/3." + std::to_string(i)).add();
    const auto all = first_.families();
    EXPECT_LE(all.size(), 65);
    EXPECT_GE(all.at("other"), 936);
}

TEST_F(Metrics, counts_connections) {
    first_.connections.add(3);
    second_.connections.add(2);
    second_.connections_ended.add(1);
    first_.connections_refused.add(7);
    second_.slow_clients.add(4);
    first_.bytes_sent.add(12'345'678'901);
    EXPECT_TRUE(says("narthex_connections 4"));
    EXPECT_TRUE(says("narthex_connections_total 5"));
    EXPECT_TRUE(says("narthex_connections_refused_total 7"));
    EXPECT_TRUE(says("narthex_slow_clients_total 4"));
    EXPECT_TRUE(says("narthex_sent_bytes_total 12345678901"));
}

TEST_F(Metrics, shows_the_cache_and_the_database) {
    cache_ = {.bytes = 1, .entries = 2, .hits = 3, .misses = 4, .evictions = 5};
    lookups_ = {.queued = 6, .connected = 7, .failures = 8, .reconnects = 9};
    trusted_ = true;
    EXPECT_TRUE(says("narthex_cache_bytes 1"));
    EXPECT_TRUE(says("narthex_cache_entries 2"));
    EXPECT_TRUE(says("narthex_cache_hits_total 3"));
    EXPECT_TRUE(says("narthex_cache_misses_total 4"));
    EXPECT_TRUE(says("narthex_cache_evictions_total 5"));
    EXPECT_TRUE(says("narthex_cache_trusted 1"));
    EXPECT_TRUE(says("narthex_ready 1"));
    EXPECT_TRUE(says("narthex_lookup_queue_depth 6"));
    EXPECT_TRUE(says("narthex_database_connections 7"));
    EXPECT_TRUE(says("narthex_database_failures_total 8"));
    EXPECT_TRUE(says("narthex_database_reconnects_total 9"));
    trusted_ = false;
    EXPECT_TRUE(says("narthex_cache_trusted 0"));
    EXPECT_TRUE(says("narthex_ready 0"));
}

TEST_F(Metrics, shows_each_upstream) {
    upstreams_.upstreams["https://a"] = {
        .found = 1, .absent = 2, .failed = 3, .refused = 4, .paused = true};
    upstreams_.upstreams["https://b"] = {};
    upstreams_.fetching = 5;
    upstreams_.waiting = 6;
    const std::string fetches = "narthex_upstream_fetches_total{upstream=\"https://a\",outcome=";
    EXPECT_TRUE(says(fetches + "\"found\"} 1"));
    EXPECT_TRUE(says(fetches + "\"absent\"} 2"));
    EXPECT_TRUE(says(fetches + "\"failed\"} 3"));
    EXPECT_TRUE(says(fetches + "\"refused\"} 4"));
    EXPECT_TRUE(says("narthex_upstream_paused{upstream=\"https://a\"} 1"));
    EXPECT_TRUE(says("narthex_upstream_paused{upstream=\"https://b\"} 0"));
    EXPECT_TRUE(says("narthex_upstream_fetching 5"));
    EXPECT_TRUE(says("narthex_upstream_waiting_lookups 6"));
}

TEST_F(Metrics, shows_what_runs_and_escapes_labels) {
    EXPECT_TRUE(says("narthex_build_info{version=\"1.2.3\"} 1"));
    EXPECT_TRUE(says("process_start_time_seconds 1700000000.5"));
    EXPECT_NE(text("a\"b\\c\nd").find("{version=\"a\\\"b\\\\c\\nd\"} 1\n"), std::string::npos);
}

}  // namespace
}  // namespace narthex::http
