// What a server keeps in memory of its database, read four times a second on one thread and one
// connection, so that commands take effect without a restart. All of it shares the connection: the
// others that PostgreSQL allows are for answers.
#pragma once

#include "narthex/db/connection.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace narthex::service {

class Watched {
  public:
    virtual ~Watched() = default;
    // Takes what there is now. Throws what db throws. Called by the constructor of DatabaseWatch,
    // then by its thread alone.
    virtual void read(db::Connection& connection) = 0;
    // It couldn't be read: what was read last stands. The same thread.
    virtual void not_read() {}

  protected:
    Watched() = default;
    Watched(const Watched&) = default;
    Watched& operator=(const Watched&) = default;
};

struct DatabaseWatchOptions {
    std::string uri;
    std::vector<Watched*> watched;  // in this order; they outlive the watch
    std::function<void()> revive;   // called when something couldn't be read; may be empty
    // The schema isn't ours any more: the server has to stop. May be empty.
    std::function<void(const std::string& reason)> schema_mismatch;
};

class DatabaseWatch {
  public:
    // Reads all of it once; throws what db throws.
    explicit DatabaseWatch(DatabaseWatchOptions options);
    ~DatabaseWatch();
    DatabaseWatch(const DatabaseWatch&) = delete;
    DatabaseWatch& operator=(const DatabaseWatch&) = delete;

    // Reads all of it soon, not only within the quarter of a second. Any thread.
    void read_soon();

  private:
    void run();
    void connect();
    void read_all();
    void try_to_read(Watched& watched);

    DatabaseWatchOptions options_;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    std::mutex mutex_;                            // held for moments
    std::condition_variable wake_;
    bool read_soon_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace narthex::service
