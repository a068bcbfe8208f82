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

struct BucketChanged {
    int cache;
    std::size_t bucket;  // below k_buckets
};
struct TableChanged {
    std::string table;
};
struct Pong {
    std::uint64_t number;  // of the ping
};
// Absent news: nothing within the time, or something that means nothing to this program.
using Notice = std::variant<std::monostate, BucketChanged, TableChanged, Pong>;

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
