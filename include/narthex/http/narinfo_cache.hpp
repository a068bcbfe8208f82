// Answers in memory, found and absent ones, bounded in bytes: the oldest go first, but for those
// that were asked for since they were last looked at ("second chance": finding one writes no more
// than a flag beside it). In shards, each with its lock, so that network threads seldom meet. An
// answer stands while its stamp does (service/epochs.hpp). Any thread.
//
// How often a path is asked for is counted beside its answer, which is touched anyway, and handed
// over now and then (service/request_counts.hpp).
#pragma once

#include "narthex/core/path_key.hpp"
#include "narthex/http/narinfo_answer.hpp"
#include "narthex/service/epochs.hpp"
#include "narthex/service/request_counts.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace narthex::http {

class NarinfoCache {
  public:
    using Clock = std::chrono::steady_clock;

    // `bytes`: 0 keeps nothing. `counts`: null when nothing is to be counted. Both outlive it.
    NarinfoCache(
        std::size_t bytes,
        MaxAges ages,
        service::Epochs& epochs,
        service::RequestCounts* counts = nullptr
    );
    ~NarinfoCache();
    NarinfoCache(const NarinfoCache&) = delete;
    NarinfoCache& operator=(const NarinfoCache&) = delete;

    struct Found {
        std::shared_ptr<const NarinfoAnswer> narinfo;  // null: it is known to be absent
        bool hidden = false;                           // and that by the operator
        std::uint64_t batches = 0;                     // hide batches it is in, as Epochs has them
    };
    // Absent where nothing that stands is known. What is given counts as a request if `counts`.
    [[nodiscard]] std::optional<Found> find(
        const PathKey& key, Clock::time_point now, bool counts = true
    );

    // While the database is away: the narinfo as it was last, if nothing was heard to change it; it
    // counts as a request. Null for what was absent: it may have come since.
    [[nodiscard]] std::shared_ptr<const NarinfoAnswer> last_known(const PathKey& key);

    // `stamp`: of Epochs, taken before the lookup was sent. While nothing is heard of changes,
    // `found` isn't kept; and what was, isn't known any more.
    void fill(
        const PathKey& key, const service::Epochs::Stamp& stamp, Found found, Clock::time_point now
    );

    // Counts a request that was answered by the database.
    void count(const PathKey& key, const Found& found);
    // Adds what was counted beside answers since the last time to the counts that were given.
    void hand_over_counts();

    [[nodiscard]] const service::Epochs& epochs() const { return epochs_; }
    [[nodiscard]] const MaxAges& ages() const { return ages_; }

    struct Figures {
        std::size_t bytes;
        std::size_t entries;
        std::uint64_t hits;
        std::uint64_t misses;
        std::uint64_t evictions;
    };
    [[nodiscard]] Figures figures() const;

  private:
    // Clients choose hash parts, so the hash is keyed.
    struct KeyedHash {
        std::uint64_t key;
        std::size_t operator()(const PathKey& path) const noexcept;
    };
    struct Entry {
        PathKey key;
        std::uint64_t standing;
        std::uint64_t batches;
        std::shared_ptr<const NarinfoAnswer> narinfo;
        std::size_t bytes;
        bool hidden = false;
        bool asked_for = false;
        std::uint32_t requests = 0;    // not handed over yet
        std::uint32_t counted_at = 0;  // its place in Shard::counted, where there are some
    };
    struct Shard;

    Shard& shard_of(const PathKey& key);
    [[nodiscard]] bool stands(const Entry& entry) const;

    static constexpr std::size_t k_shards = 16;

    MaxAges ages_;
    service::Epochs& epochs_;
    service::RequestCounts* counts_;
    std::size_t shard_bytes_;
    KeyedHash hash_;
    std::unique_ptr<std::array<Shard, k_shards>> shards_;
};

}  // namespace narthex::http
