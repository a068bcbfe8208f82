// Every request that is added is taken once, or counted as dropped.
#include "narthex/service/request_counts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <thread>

namespace narthex::service {
namespace {

PathKey key_of(int number, int cache = 1) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    bytes[0] = static_cast<unsigned char>(number >> 8);
    bytes[19] = static_cast<unsigned char>(number);
    return {cache, HashPart(bytes)};
}

std::map<PathKey, Requests> taken(RequestCounts& counts) {
    std::map<PathKey, Requests> out;
    for (const auto& [key, requests] : counts.take()) out[key] += requests;
    return out;
}

TEST(RequestCounts, are_summed_by_path_and_taken_once) {
    RequestCounts counts;
    counts.add(key_of(1), {1, 0});
    counts.add(key_of(1), {2, 5});
    counts.add(key_of(2), {0, 1});
    counts.add(key_of(1, 2), {9, 0});
    const std::map<PathKey, Requests> wanted{
        {key_of(1), {3, 5}}, {key_of(2), {0, 1}}, {key_of(1, 2), {9, 0}}};
    EXPECT_EQ(taken(counts), wanted);
    EXPECT_TRUE(counts.take().empty());
    EXPECT_EQ(counts.dropped(), 0U);
}

TEST(RequestCounts, of_too_many_paths_are_dropped_and_those_of_known_ones_are_not) {
    RequestCounts counts(16);  // one a shard
    counts.add(key_of(0), {1, 0});
    counts.add(key_of(16), {3, 4});
    counts.add(key_of(0), {1, 0});
    EXPECT_EQ(taken(counts), (std::map<PathKey, Requests>{{key_of(0), {2, 0}}}));
    EXPECT_EQ(counts.dropped(), 7U);
    counts.add(key_of(16), {1, 0});
    EXPECT_EQ(taken(counts).size(), 1U);
}

TEST(RequestCounts, are_complete_with_many_threads) {
    constexpr int k_threads = 4;
    constexpr int k_requests = 20'000;
    RequestCounts counts;
    std::atomic<int> running = k_threads;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < k_threads; ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 0; i < k_requests; ++i) counts.add(key_of((i + thread) % 100), {1, 1});
            --running;
        });
    }
    std::uint64_t sum = 0;
    do {
        for (const auto& [key, requests] : counts.take()) sum += requests.sum();
    } while (running > 0);
    for (auto& thread : threads) thread.join();
    for (const auto& [key, requests] : counts.take()) sum += requests.sum();
    EXPECT_EQ(sum, 2ULL * k_threads * k_requests);
}

}  // namespace
}  // namespace narthex::service
