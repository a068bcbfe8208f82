// Fetches all NARs that a region lacks, the newest first, two at a time, as if clients asked for
// them. A thread and a database connection of its own. What is on the disk tells what is left, so
// it goes on wherever it was ended. What the primary doesn't have, or has otherwise than its row
// says, is asked for once an hour and holds up nothing.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/kept_nars.hpp"
#include "narthex/service/instance_now.hpp"
#include "narthex/service/kept_nars.hpp"
#include "narthex/service/nar_fetch.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace narthex::service {

class NarFiller {
  public:
    // `kept` and `fetches` outlive it.
    NarFiller(std::string uri, const KeptNars& kept, NarFetches& fetches, InstanceNow instance);
    ~NarFiller();
    NarFiller(const NarFiller&) = delete;
    NarFiller& operator=(const NarFiller&) = delete;

    // NARs that aren't here yet, as far as it has counted. Any thread.
    [[nodiscard]] std::uint64_t left() const { return under_way_->left; }

  private:
    using Walk = std::function<bool(const db::PlacedNar&)>;  // false: no further

    void run();
    void fill();
    void walk(const Walk& each);
    [[nodiscard]] bool lacks(const db::PlacedNar& nar) const;
    [[nodiscard]] bool fetch(const db::PlacedNar& nar);
    [[nodiscard]] bool await_room(std::size_t most);
    [[nodiscard]] bool pause(std::chrono::milliseconds time);
    [[nodiscard]] std::shared_ptr<const db::Instance> region() const;

    std::string uri_;
    const KeptNars& kept_;
    NarFetches& fetches_;
    InstanceNow instance_;
    std::int64_t filled_to_ = 0;  // all with lower ids were here
    std::chrono::steady_clock::time_point look_again_at_{};

    // Called back by fetches that may outlive it.
    struct UnderWay {
        void ended(std::int64_t nar, NarFetch::State state);

        std::mutex mutex;
        std::condition_variable changed;
        std::vector<std::shared_ptr<NarFetch>> fetches;
        std::size_t failed = 0;               // in this turn
        std::set<std::int64_t> unobtainable;  // ids; until all are looked at again
        std::atomic<std::uint64_t> left = 0;
        bool stopping = false;
    };
    std::shared_ptr<UnderWay> under_way_ = std::make_shared<UnderWay>();
    std::unique_ptr<db::Connection> connection_;  // replaced under under_way_'s mutex
    std::thread thread_;
};

}  // namespace narthex::service
