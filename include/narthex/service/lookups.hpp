// Gathered lookups: what all connections want to know is sent as one statement, as soon as none is
// under way; another database connection helps when half a batch waits, or when the one that is at
// work takes long. The database blocks, so its connections live on this class's own threads;
// submit() never waits.
//
// While the database is away every lookup is answered `unavailable` at once; each thread goes on
// connecting, with a growing pause of at most a second.
#pragma once

#include "narthex/core/path_key.hpp"
#include "narthex/db/lookup_connection.hpp"
#include "narthex/service/epochs.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace narthex::service {

using db::NarKey;

// What is asked: a narinfo or where a NAR's bytes are.
using LookupKey = std::variant<PathKey, NarKey>;

// What LookupOptions::render makes of a narinfo that is found: once, for all who asked.
class RenderedNarinfo {
  public:
    virtual ~RenderedNarinfo() = default;
};

struct LookupAnswer {
    enum class Status {
        found,
        absent,
        hidden,  // absent to clients: the operator has hidden the narinfo. With a narinfo: but
                 // a region keeps it, and what was purged (service/kept_lookups.hpp)
        unavailable
    };
    Status status;
    std::shared_ptr<const RenderedNarinfo> narinfo;  // of a PathKey that is found, or kept
    std::vector<std::string> files;                  // of a NarKey: every place, the best first
    std::string redirect = {};                       // of a NarKey: a server that has it, too
    std::shared_ptr<const db::NarFacts> facts = {};  // of a NarKey that has files
    // Stands until the database says that something has changed; else it is of this moment, or of
    // another database.
    bool lasting = true;
    // Of a PathKey: the hide batches it is in, as Epochs has them.
    std::uint64_t batches = 0;
};

struct Answered;

// Whoever asks. Gets what one statement answered, together.
class LookupReceiver {
  public:
    virtual ~LookupReceiver() = default;
    // On a lookup thread, or on the thread that submits; quick.
    virtual void answered(std::vector<Answered> batch) = 0;
};

struct Lookup {
    LookupKey key;
    std::chrono::steady_clock::time_point deadline;  // later it is answered `unavailable`
    std::weak_ptr<void> client;                      // once it is gone, nobody wants to know
    std::uint64_t id = 0;                            // the client's own
    Epochs::Stamp stamp{};                           // when it was asked
    LookupReceiver* receiver;                        // outlives Lookups
    bool publisher = false;  // asks whether to upload: no request that counts
};

struct Answered {
    Lookup lookup;
    LookupAnswer answer;
};

// Hands each receiver its part.
void deliver(std::vector<Answered> answers);

// Answers them `unavailable`. Empties `lookups`.
void give_up(std::vector<Lookup>& lookups);

struct LookupOptions {
    std::string uri;
    const char* name = "database";  // in the log: event=database_away
    std::size_t connections = 2;
    std::size_t largest_batch = 128;
    std::chrono::milliseconds statement_limit{5000};
    // The database is that of a region's primary: what it lacks is `unavailable` once another has
    // replaced it, where that may have been published since.
    bool of_primary = false;
    std::size_t largest_queue = 100'000;  // more are answered `unavailable`
    // Called on a lookup thread when the database can't be reached, before the next try: restarts
    // an embedded PostgreSQL.
    std::function<void()> revive;
    // Called on a lookup thread, maybe again and again, while the database's schema isn't ours: the
    // server has to stop.
    std::function<void(const std::string& reason)> schema_mismatch;
    // On lookup threads.
    std::function<std::shared_ptr<const RenderedNarinfo>(db::FoundNarinfo&&)> render;
    // Called on a lookup thread with the number of keys of each statement.
    std::function<void(std::size_t keys)> batch_sent = [](std::size_t) {};
    // Called on a lookup thread before each statement: whether what it won't find is absent.
    std::function<bool()> absences_count = [] { return true; };
    // Called on a lookup thread with what the database has answered, before anybody gets it: takes
    // out what it will answer itself. `absences_count`: as it was before the statement.
    std::function<void(std::vector<Answered>&, bool absences_count)> pull =
        [](std::vector<Answered>&, bool) {};
};

class Lookups {
  public:
    explicit Lookups(LookupOptions options);
    ~Lookups();  // stop(); waits for the threads
    Lookups(const Lookups&) = delete;
    Lookups& operator=(const Lookups&) = delete;

    // Any thread; receivers may be called before it returns. Empties `lookups`.
    void submit(std::vector<Lookup>& lookups);

    // Answers what is queued, and all that comes, as `unavailable`, and begins to end the threads:
    // one that connects takes as long as that. Any thread.
    void stop();

    // True while at least one connection works. Any thread.
    [[nodiscard]] bool available() const;

    struct Figures {
        std::size_t queued;        // lookups that wait for a connection
        std::size_t connected;     // connections that work
        std::uint64_t failures;    // statements that failed
        std::uint64_t reconnects;  // connections made, but for each thread's first
    };
    [[nodiscard]] Figures figures() const;  // any thread

  private:
    struct Worker;
    using Batch = std::vector<Lookup>;

    void run(Worker& worker);
    bool connect(Worker& worker);
    [[nodiscard]] bool stopping() const;
    void pause(std::chrono::milliseconds time);
    Batch next_batch();
    [[nodiscard]] bool has_turn() const;
    void wait_for_turn(std::unique_lock<std::mutex>& lock);
    void wake_one();
    void take_batch(std::deque<Lookup>& queue, Batch& batch, Batch& late) const;
    void answer(Worker& worker, Batch& batch);
    [[nodiscard]] std::optional<std::vector<LookupAnswer>> ask(Worker& worker, const Batch& batch);
    [[nodiscard]] std::vector<LookupAnswer> ask_narinfos(Worker& worker, const Batch& batch) const;
    Batch close_queues();
    Batch empty_queues();
    [[nodiscard]] std::size_t queued() const { return narinfos_.size() + nars_.size(); }

    LookupOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;  // for threads with a connection: there is work
    std::condition_variable stop_;  // for those without
    std::deque<Lookup> narinfos_;
    std::deque<Lookup> nars_;
    bool nars_next_ = false;                             // where both wait, they take turns
    std::chrono::steady_clock::time_point queue_since_;  // since then nobody has taken from it
    std::size_t busy_ = 0;  // threads that wait for the database's answer
    bool watched_ = false;  // a thread looks after the queue though it isn't its turn
    std::size_t connected_ = 0;
    std::uint64_t failures_ = 0;
    std::uint64_t reconnects_ = 0;
    bool away_ = false;  // none could be made: until that is known, lookups wait for it
    bool stopping_ = false;
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace narthex::service
