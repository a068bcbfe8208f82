#include "narthex/service/request_counts.hpp"

#include <mutex>
#include <unordered_map>

namespace narthex::service {

struct RequestCounts::Shard {
    std::mutex mutex;
    std::unordered_map<PathKey, Requests> paths;
    std::uint64_t dropped = 0;
};

RequestCounts::RequestCounts(std::size_t most)
    : most_in_shard_((most + k_shards - 1) / k_shards),
      shards_(std::make_unique<std::array<Shard, k_shards>>()) {}

RequestCounts::~RequestCounts() = default;

void RequestCounts::add(const PathKey& key, const Requests& requests) {
    auto& shard = (*shards_)[key.hash.bytes().back() % k_shards];
    const std::lock_guard lock(shard.mutex);
    if (shard.paths.size() < most_in_shard_) {
        shard.paths[key] += requests;
    } else if (const auto at = shard.paths.find(key); at != shard.paths.end()) {
        at->second += requests;
    } else {
        shard.dropped += requests.sum();
    }
}

std::vector<CountedPath> RequestCounts::take() {
    std::vector<CountedPath> all;
    for (auto& shard : *shards_) {
        std::unordered_map<PathKey, Requests> taken;
        {
            const std::lock_guard lock(shard.mutex);
            taken.swap(shard.paths);
        }
        for (const auto& [key, requests] : taken) all.push_back({key, requests});
    }
    return all;
}

std::uint64_t RequestCounts::dropped() const {
    std::uint64_t sum = 0;
    for (auto& shard : *shards_) {
        const std::lock_guard lock(shard.mutex);
        sum += shard.dropped;
    }
    return sum;
}

}  // namespace narthex::service
