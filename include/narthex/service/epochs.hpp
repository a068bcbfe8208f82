// What makes an answer in memory too old to give: a counter for each bucket of hash parts, raised
// when the database says that something in the bucket has changed, and for each hide batch, raised
// when it takes effect or loses it. An answer is stamped before its lookup is sent and stands while
// its stamp does, so that a lookup that raced with a change never wins. All functions: any thread,
// no locks.
#pragma once

#include "narthex/core/path_key.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace narthex::service {

class Epochs {
  public:
    using Clock = std::chrono::steady_clock;

    // Before a lookup is sent, when nobody knows yet which hide batches its path is in.
    struct Stamp {
        std::uint64_t changes = 0;
        std::uint64_t flips = 0;  // of all batches

        bool operator==(const Stamp&) const = default;
    };
    [[nodiscard]] Stamp stamp(const HashPart& hash) const { return {changes(hash), flips_.load()}; }

    // What an answer stands by: two of a hash part and its batches (a bit each, of the 64 that
    // their ids share) are equal only if nothing of them was raised between the beginning of the
    // second reading and the end of the first: all counters only grow.
    [[nodiscard]] std::uint64_t standing(const HashPart& hash, std::uint64_t batches) const {
        auto sum = changes(hash);
        for (std::size_t i = 0; batches != 0; ++i, batches >>= 1) {
            if ((batches & 1) != 0) sum += batches_[i].load();
        }
        return sum;
    }
    // Of an answer that was stamped; absent when it is too old already.
    [[nodiscard]] std::optional<std::uint64_t> standing(
        const HashPart& hash, std::uint64_t batches, const Stamp& stamped
    ) const {
        // Read first: what isn't counted in flips_ after that isn't counted in it either.
        const auto now = standing(hash, batches);
        return stamp(hash) == stamped ? std::optional(now) : std::nullopt;
    }

    void raise(std::size_t bucket) { ++buckets_[bucket]; }
    void raise_all() { ++all_; }
    void raise_batch(int id) {
        ++flips_;
        ++batches_[static_cast<std::size_t>(id) % k_batches];
    }

    // Whether the database was heard of lately enough for answers in memory to be given.
    [[nodiscard]] bool trusted(Clock::time_point now) const { return now < trusted_until_.load(); }
    void trust_until(Clock::time_point time) {
        heard_until_ = time;
        trusted_until_ = time;
    }
    void distrust() { trusted_until_ = Clock::time_point{}; }

    // Whether so much time has passed since the database was heard of that it may have changed
    // unheard, if it was there.
    [[nodiscard]] bool silent(Clock::time_point now) const { return now >= heard_until_.load(); }

    // Whether what the database lacks is absent. A region's may have come to its primary since
    // (service/instance_watch.hpp): an absence in memory isn't given then.
    [[nodiscard]] bool absences_count(Clock::time_point now) const {
        return now < absences_count_until_.load();
    }
    void count_absences_until(Clock::time_point time) { absences_count_until_ = time; }

  private:
    static constexpr std::size_t k_batches = 64;

    [[nodiscard]] std::uint64_t changes(const HashPart& hash) const {
        return all_.load() + buckets_[bucket_of(hash)].load();
    }

    std::atomic<std::uint64_t> all_ = 0;
    std::atomic<std::uint64_t> flips_ = 0;
    std::array<std::atomic<std::uint64_t>, k_batches> batches_{};
    std::array<std::atomic<std::uint64_t>, k_buckets> buckets_{};
    std::atomic<Clock::time_point> trusted_until_{};
    std::atomic<Clock::time_point> heard_until_{};
    std::atomic<Clock::time_point> absences_count_until_{Clock::time_point::max()};
};

}  // namespace narthex::service
