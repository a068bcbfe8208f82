// Gathered lookups: what all connections want to know is sent as one statement for each free
// database connection, as soon as one is free. libpqxx blocks, so it lives on this class's own
// threads; submit() never waits.
//
// While the database is away every lookup is answered `unavailable` at once; each thread goes on
// connecting, with a growing pause of at most a second.
#pragma once

#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace narthex::service {

enum class LookupKind {
    narinfo,   // key: the 20 bytes of a hash part; value: the narinfo's text
    nar_file,  // key: the URL as narinfos name it; value: the file's absolute paths
};

struct LookupValue {
    std::string text;                // of a narinfo
    std::vector<std::string> files;  // of a NAR: every place it is at
};

struct LookupAnswer {
    enum class Status { found, absent, unavailable };
    Status status;
    std::shared_ptr<const LookupValue> value;  // of `found`
};

struct Lookup {
    LookupKind kind;
    int cache;
    std::string key;
    std::chrono::steady_clock::time_point deadline;  // later it is answered `unavailable`
    std::function<void(LookupAnswer)> done;          // called once, on a lookup thread; quick
};

struct LookupOptions {
    std::string uri;
    std::size_t connections = 2;
    std::size_t largest_batch = 256;
    std::size_t largest_queue = 100'000;  // more are answered `unavailable`
    // Called on a lookup thread when the database can't be reached, before the next try: restarts
    // an embedded PostgreSQL.
    std::function<void()> revive;
    // Called on a lookup thread, maybe again and again, while the database's schema isn't ours: the
    // server has to stop.
    std::function<void(const std::string& reason)> schema_mismatch;
};

class Lookups {
  public:
    explicit Lookups(LookupOptions options);
    ~Lookups();  // answers what is queued as `unavailable`, ends the threads
    Lookups(const Lookups&) = delete;
    Lookups& operator=(const Lookups&) = delete;

    // Any thread; `done` may be called before it returns.
    void submit(Lookup lookup);

    // True while at least one connection works. Any thread.
    [[nodiscard]] bool available() const;

  private:
    struct Worker;
    using Found = std::unordered_map<std::string, std::shared_ptr<LookupValue>>;  // by key

    void run(Worker& worker);
    bool connect(Worker& worker);
    [[nodiscard]] bool stopping() const;
    void pause(std::chrono::milliseconds time);
    std::vector<Lookup> next_batch();
    void answer(Worker& worker, std::vector<Lookup>& batch);
    [[nodiscard]] std::optional<Found> ask(Worker& worker, const std::vector<Lookup>& batch);
    std::vector<Lookup> close_queue();

    LookupOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;  // for threads with a connection: there is work
    std::condition_variable stop_;  // for those without
    std::deque<Lookup> queue_;
    std::chrono::steady_clock::time_point queue_since_;  // since then nobody has taken from it
    std::size_t connected_ = 0;
    bool away_ = false;  // none could be made: until that is known, lookups wait for it
    bool stopping_ = false;
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace narthex::service
