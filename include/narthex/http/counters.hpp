// What one network thread has done, for /metrics. That thread counts; any thread reads.
#pragma once

#include "narthex/http/route.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace narthex::http {

// Has one writer, so that adding is no more than a load and a store.
class Counter {
  public:
    void add(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_ = 0;
};

// The statuses that answers can have; each Counters row has a column for each.
inline constexpr std::array k_statuses = {200, 201, 204, 206, 302, 304, 400, 401,
                                          403, 404, 405, 409, 411, 413, 415, 416,
                                          431, 500, 502, 503, 504, 507, 508};

// How long answers took, from the arrival of the request to handing the answer to the kernel.
struct Latency {
    static constexpr std::array k_bounds_us = {
        50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 100'000, 500'000, 2'500'000};

    void add(std::chrono::steady_clock::duration took, std::uint64_t n = 1);

    std::array<Counter, k_bounds_us.size() + 1> counts;  // the last: longer
    Counter sum_us;
};

// Requests for many paths at once: each kind has a Latency of its own, too.
inline constexpr std::array k_bulk_kinds = {
    Resource::narinfos, Resource::closure, Resource::cachix_missing, Resource::attic_missing};

struct Counters {
    void count_answer(Resource kind, int status);
    void count_latency(Resource kind, std::chrono::steady_clock::duration took);

    // The counter of a client family: "Nix 2.26", "Guix", "other". At most 64 of them, then all
    // further ones are "other". The reference stays valid.
    [[nodiscard]] Counter& family(std::string_view user_agent);
    [[nodiscard]] std::map<std::string, std::uint64_t> families() const;

    std::array<std::array<Counter, k_statuses.size()>, k_resources> answers;
    Latency latency;  // of all
    std::array<Latency, k_bulk_kinds.size()> bulk;
    Counter bytes_sent;   // but for files
    Counter connections;  // that were taken
    Counter connections_ended;
    Counter connections_refused;  // over the limit; counted by the thread that accepts
    Counter slow_clients;         // were closed since they took no bytes

  private:
    mutable std::mutex mutex_;  // families are made seldom
    std::map<std::string, std::unique_ptr<Counter>, std::less<>> families_;
};

}  // namespace narthex::http
