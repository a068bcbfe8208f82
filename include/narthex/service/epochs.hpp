// What makes an answer in memory too old to give: a counter for each bucket of hash parts, raised
// when the database says that something in the bucket has changed. An answer is stamped before its
// lookup is sent and stands while its stamp does, so that a lookup that raced with a change never
// wins. All functions: any thread, no locks.
#pragma once

#include "narthex/core/path_key.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace narthex::service {

class Epochs {
  public:
    using Clock = std::chrono::steady_clock;

    // Two stamps of a hash part are equal only if nothing was raised between the beginning of the
    // second reading and the end of the first: both counters only grow.
    [[nodiscard]] std::uint64_t stamp(const HashPart& hash) const {
        return all_.load() + buckets_[bucket_of(hash)].load();
    }

    void raise(std::size_t bucket) { ++buckets_[bucket]; }
    void raise_all() { ++all_; }

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
    std::atomic<std::uint64_t> all_ = 0;
    std::array<std::atomic<std::uint64_t>, k_buckets> buckets_{};
    std::atomic<Clock::time_point> trusted_until_{};
    std::atomic<Clock::time_point> heard_until_{};
    std::atomic<Clock::time_point> absences_count_until_{Clock::time_point::max()};
};

}  // namespace narthex::service
