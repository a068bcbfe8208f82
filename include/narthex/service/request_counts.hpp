// How often paths are asked for, gathered in memory until service/count_store.hpp stores it. In
// shards, each with its lock; bounded in paths: what is asked for beyond is dropped. Any thread.
#pragma once

#include "narthex/core/path_key.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace narthex::service {

struct Requests {
    std::uint64_t served = 0;
    std::uint64_t hidden = 0;  // while the operator had hidden the path

    Requests& operator+=(const Requests& more) {
        served += more.served;
        hidden += more.hidden;
        return *this;
    }
    [[nodiscard]] std::uint64_t sum() const { return served + hidden; }
    bool operator==(const Requests&) const = default;
};

struct CountedPath {
    PathKey key;
    Requests requests;
};

class RequestCounts {
  public:
    // `most`: paths, of about a hundred bytes each.
    explicit RequestCounts(std::size_t most = 1'000'000);
    ~RequestCounts();
    RequestCounts(const RequestCounts&) = delete;
    RequestCounts& operator=(const RequestCounts&) = delete;

    void add(const PathKey& key, const Requests& requests);

    // What was added since it was last called, in no order.
    [[nodiscard]] std::vector<CountedPath> take();

    // Requests that were dropped since the start.
    [[nodiscard]] std::uint64_t dropped() const;

  private:
    struct Shard;

    static constexpr std::size_t k_shards = 16;

    std::size_t most_in_shard_;
    std::unique_ptr<std::array<Shard, k_shards>> shards_;
};

}  // namespace narthex::service
