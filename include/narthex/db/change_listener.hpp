// Hears what the database says of its changes (migrations/0001_schema.sql: narthex_changed), and
// its own pings among them, which prove that it hears everything that was committed before them.
// One thread at a time, but for interrupt().
#pragma once

#include "narthex/db/connection.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <variant>

namespace narthex::db {

struct BucketsChanged {
    std::size_t first;  // below k_buckets
    std::size_t end;    // above first, at most k_buckets
};
// A hide batch took effect or lost it; of all its paths, what is known since its buckets were
// announced is known with the batch (migrations/0009_announced_batches.sql).
struct BatchFlipped {
    int batch;
};
struct TableChanged {
    std::string table;
};
struct Pong {
    std::uint64_t number;  // of the ping
};
// Absent news: nothing within the time, or something that means nothing to this program.
using Notice = std::variant<std::monostate, BucketsChanged, BatchFlipped, TableChanged, Pong>;

class ChangeListener {
  public:
    // Listens from here on. Throws Unavailable, as all of these.
    explicit ChangeListener(const std::string& uri);
    ~ChangeListener();
    ChangeListener(const ChangeListener&) = delete;
    ChangeListener& operator=(const ChangeListener&) = delete;

    void ping(std::uint64_t number);

    [[nodiscard]] Notice next(std::chrono::milliseconds limit);

    void interrupt() noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::db
