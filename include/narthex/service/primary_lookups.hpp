// What a region that isn't up to date lacks is asked again of its primary's PostgreSQL, by the same
// gathered statement, over a connection of its own and with a short limit: a 404 is a promise that
// Nix keeps for an hour. What is found there is served, and not kept in memory; what can't be asked
// is `unavailable`, and so is what a primary lacks that another has replaced. What the region has
// is served however old it is. A NAR that it lacks is asked for there also while the region is up
// to date.
//
// A region whose first copy isn't complete answers nothing, since a part of it would be wrong; nor
// does a primary that another has replaced know what is absent.
#pragma once

#include "narthex/service/instance_watch.hpp"
#include "narthex/service/lookups.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace narthex::service {

class PrimaryLookups {
  public:
    using Render = decltype(LookupOptions::render);

    // `watch` outlives it. `render`: as in LookupOptions.
    PrimaryLookups(const InstanceWatch& watch, Render render);
    ~PrimaryLookups();
    PrimaryLookups(const PrimaryLookups&) = delete;
    PrimaryLookups& operator=(const PrimaryLookups&) = delete;

    // Where the primary is from now on; empty: nowhere. What was asked elsewhere is answered first,
    // within some seconds. One thread at a time.
    void ask_at(const std::string& uri);

    // Nobody is asked any more, and what is asked begins to end. Any thread.
    void stop();

    // Takes those out of `answers` that the primary is to be asked: they are answered later, or
    // here where it can't be asked. `absences_count`: see LookupOptions. On lookup threads; quick.
    void take(std::vector<Answered>& answers, bool absences_count);

    struct Figures {
        std::uint64_t asked;  // misses; those that weren't answered in time are among them
        std::uint64_t found;
        std::uint64_t hidden;
        std::uint64_t absent;
    };
    [[nodiscard]] Figures figures() const;  // any thread

  private:
    [[nodiscard]] LookupOptions options_for(const std::string& uri);
    void ask(std::vector<Lookup>& misses);
    void took(std::vector<Answered>& answers);

    const InstanceWatch& watch_;
    Render render_;
    std::atomic<std::uint64_t> asked_ = 0;
    std::atomic<std::uint64_t> found_ = 0;
    std::atomic<std::uint64_t> hidden_ = 0;
    std::atomic<std::uint64_t> absent_ = 0;
    std::mutex mutex_;
    std::unique_ptr<Lookups> lookups_;  // null: nobody can be asked
    bool stopping_ = false;
};

}  // namespace narthex::service
