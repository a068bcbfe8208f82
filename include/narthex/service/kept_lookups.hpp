// What a region's database says is absent or hidden is looked for once more among what the region
// keeps longer than its primary (service/kept_paths.hpp), before anybody gets the answer: on a
// thread and a connection of its own, so that nobody waits for it who asked for something else.
// What is kept is answered, and counts as missed, as hidden paths do; the rest goes on as it came.
//
// Nothing is taken while this is no full region: roles change under a running server.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/instance_now.hpp"
#include "narthex/service/kept_paths.hpp"
#include "narthex/service/log_limit.hpp"
#include "narthex/service/lookups.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace narthex::service {

struct KeptLookupOptions {
    std::string uri;
    int days = 0;
    std::size_t largest_queue = 100'000;  // more are answered `unavailable`
    // Both on its thread. `next`: what isn't kept goes on there; as LookupOptions::pull.
    std::function<std::shared_ptr<const RenderedNarinfo>(KeptPath&&)> render;
    std::function<void(std::vector<Answered>&, bool absences_count)> next;
};

class KeptLookups {
  public:
    // `catalog` and `nars` outlive it, as does what the options name.
    KeptLookups(
        KeptLookupOptions options,
        InstanceNow instance,
        const Catalog& catalog,
        const KeptNars& nars
    );
    ~KeptLookups();  // answers what waits `unavailable`, ends the thread
    KeptLookups(const KeptLookups&) = delete;
    KeptLookups& operator=(const KeptLookups&) = delete;

    // Takes the misses out of `answers`; they are answered later. Not those of publishers: what is
    // kept here isn't at the primary any more. `absences_count`: see LookupOptions. Any thread;
    // quick.
    void take(std::vector<Answered>& answers, bool absences_count);

    struct Figures {
        std::uint64_t narinfos;  // answered from what is kept
        std::uint64_t nars;
    };
    [[nodiscard]] Figures figures() const;  // any thread

  private:
    struct Waiting {
        Answered answered;
        bool absences_count;
    };
    using Batch = std::vector<Waiting>;

    void run();
    [[nodiscard]] Batch next_batch();
    void work(Batch batch);
    static void lose(Batch batch);
    [[nodiscard]] std::vector<bool> find_known(db::Tx& tx, const Batch& batch);
    [[nodiscard]] Batch pass_on_unknown(Batch batch, const std::vector<bool>& known);
    void look_for(Batch batch);
    [[nodiscard]] bool ask(const std::function<void(db::Tx&)>& job);
    bool try_to_ask(const std::function<void(db::Tx&)>& job);
    void connect();
    void look_up(db::Tx& tx, Batch& batch);
    void look_up_narinfos(db::Tx& tx, Batch& batch, const std::vector<Cache>& caches);
    void look_up_nars(db::Tx& tx, Batch& batch, const std::vector<Cache>& caches);
    void pass_on(Batch batch);

    KeptLookupOptions options_;
    InstanceNow instance_;
    const Catalog& catalog_;
    const KeptNars& nars_;
    std::atomic<std::uint64_t> narinfos_ = 0;
    std::atomic<std::uint64_t> found_nars_ = 0;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Waiting> waiting_;
    bool stopping_ = false;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    LogLimit log_;                                // the thread's
    std::thread thread_;
};

}  // namespace narthex::service
