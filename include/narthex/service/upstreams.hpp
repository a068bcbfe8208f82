// Pull-through: what a cache with upstreams doesn't have is asked of them, one after the other,
// verified, stored, and then looked up again like everything else. Requests for the same path share
// one fetch. A path that every upstream denies is absent for a short time; where one of them
// couldn't be asked, or gave what can't be trusted, nobody knows, and the lookup is `unavailable`.
//
// Two threads, neither of which is a network thread: the fetcher's, and one that asks and writes
// the database. What is under way is bounded: fetches, their sizes and times, lookups that wait.
#pragma once

#include "narthex/service/catalog.hpp"
#include "narthex/service/fetcher.hpp"
#include "narthex/service/lookups.hpp"
#include "narthex/service/pulled.hpp"
#include "narthex/service/upstream_health.hpp"
#include "narthex/service/upstream_limits.hpp"
#include "narthex/service/upstream_misses.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace narthex::service {

struct UpstreamOptions {
    UpstreamLimits limits;
    std::string uri;  // of the database
    std::string user_agent;
    std::function<CacheList()> caches;                  // any thread
    std::function<void(std::vector<Lookup>&)> look_up;  // Lookups::submit
};

class Upstreams {
  public:
    explicit Upstreams(UpstreamOptions options);
    ~Upstreams();  // stop()
    Upstreams(const Upstreams&) = delete;
    Upstreams& operator=(const Upstreams&) = delete;

    // Takes those out of `answers` that the database doesn't have and an upstream may: they are
    // answered later. What is known already it answers in place. On lookup threads; quick.
    void take(std::vector<Answered>& answers);

    // Answers what is under way as `unavailable` and ends the threads. Once, before Lookups goes.
    void stop();

    struct Figures {
        std::map<std::string, UpstreamCounts> upstreams;  // by URL
        std::size_t fetching = 0;
        std::size_t waiting = 0;  // lookups
    };
    [[nodiscard]] Figures figures() const;  // any thread

  private:
    // A path that is being asked for.
    struct Pull {
        PathKey key;
        CacheList caches;  // has `cache`
        const Cache* cache;
        std::vector<Lookup> lookups = {};  // who waits for it
        std::size_t next = 0;              // of the cache's upstreams
        bool doubtful = false;             // an earlier one may have it

        [[nodiscard]] const std::string& upstream() const { return cache->upstreams[next]; }
    };
    using PullPtr = std::shared_ptr<Pull>;
    using Pulls = std::vector<PullPtr>;
    struct Text {
        PullPtr pull;
        std::string text;
    };
    using Answers = std::vector<Answered>;
    using Time = UpstreamHealth::Clock::time_point;

    // These are called with the mutex held; what they add to `out` is delivered without it.
    [[nodiscard]] bool take_one(Answered& answer, const CacheList& caches);
    void begin_fetches(Answers& out);
    void ask_upstream(const PullPtr& pull, Answers& out);
    void ask_next_upstream(const PullPtr& pull, bool doubtful, Answers& out);
    void end(const PullPtr& pull, const LookupAnswer& answer, Answers& out);

    // On the fetcher's thread.
    void fetched(const PullPtr& pull, Time begun, Fetched fetched);

    // On the thread.
    void run();
    void check(const Pulls& pulls);
    void verify_and_store(std::vector<Text>& texts);
    void store(const Pulls& pulls, const std::vector<PulledNarinfo>& pulled);
    void refuse(const PullPtr& pull, const std::string& reason);
    void give_up(const Pulls& pulls);
    using Job = std::function<void(db::Connection&)>;  // may be run twice
    [[nodiscard]] bool on_connection(const Job& job);
    [[nodiscard]] db::Connection& connection();
    void drop_connection();
    void log_failure(const std::string& reason);

    UpstreamOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;  // for the thread
    // Ordered, since clients choose the keys and could make those of a hash table collide.
    std::map<PathKey, PullPtr> pulls_;
    Pulls to_check_;
    std::deque<PullPtr> to_fetch_;
    std::vector<Text> to_store_;
    std::size_t fetching_ = 0;  // or fetched and not stored
    std::size_t waiting_ = 0;   // lookups of all pulls
    CacheList misses_of_;
    UpstreamMisses misses_;
    UpstreamHealth health_;
    LogLimit database_log_;  // the thread's
    bool stopping_ = false;
    std::unique_ptr<db::Connection> connection_;  // the thread's, replaced under the mutex
    Fetcher fetcher_;
    std::thread thread_;
};

}  // namespace narthex::service
