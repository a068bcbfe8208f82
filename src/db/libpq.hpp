// A bare libpq connection, for what libpqxx 6.4 has no way: parameters and results in binary, and
// notifications. Layer db's own. One thread at a time, but for interrupt().
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/statement.hpp"

#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace narthex::db {

// The rows of one statement, in binary. Rows and columns count from 0.
class BinaryRows {
  public:
    explicit BinaryRows(PGresult* result) : result_(result) {}

    [[nodiscard]] int size() const { return PQntuples(result_.get()); }
    [[nodiscard]] bool is_null(int row, int column) const {
        return PQgetisnull(result_.get(), row, column) != 0;
    }
    // Null is "". Lives as long as this.
    [[nodiscard]] std::string_view bytes(int row, int column) const;
    [[nodiscard]] std::int64_t number(int row, int column) const;  // an int2, int4 or int8

  private:
    struct Clear {
        void operator()(PGresult* result) const { PQclear(result); }
    };
    std::unique_ptr<PGresult, Clear> result_;
};

class Libpq {
  public:
    // Connects within a few seconds or throws Unavailable. `limit`: how long a statement may take.
    Libpq(const std::string& uri, Session session, std::chrono::milliseconds limit);
    Libpq(const Libpq&) = delete;
    Libpq& operator=(const Libpq&) = delete;

    void prepare(const Statement& statement);

    // Runs a prepared statement. `parameters` are in PostgreSQL's binary forms. Throws Unavailable
    // or QueryFailed.
    BinaryRows exec(const Statement& statement, std::span<const std::string> parameters);

    // Runs a prepared COPY ... FROM STDIN with these bytes. Throws as exec.
    void copy_in(const Statement& statement, std::string_view bytes);

    // Runs a prepared statement and gives `take` its rows one by one, each as row 0: what it
    // answers is never in memory as a whole. Throws as exec, and what `take` does; the connection
    // is of no use after that.
    void each_row(
        const Statement& statement,
        std::span<const std::string> parameters,
        const std::function<void(const BinaryRows& row)>& take
    );

    // Runs a prepared COPY ... TO STDOUT and gives `take` its bytes in pieces. Throws as each_row.
    void copy_out(const Statement& statement, const std::function<void(std::string_view)>& take);

    // Runs a statement that has no parameters, no answer, and can't be prepared (quote.hpp). Throws
    // as exec.
    void run(const std::string& text);

    // What PostgreSQL keeps of a role's password. Throws as exec.
    [[nodiscard]] std::string scram_verifier(const std::string& role, const std::string& password);

    // From now on each_row, copy_out and what they wait for end with Stopped soon after *stop is
    // true (null: never), and PostgreSQL ends the statement.
    void stop_when(const std::atomic<bool>* stop) { stop_ = stop; }

    // The payload of the next notification; waits for it as long as `limit`. Throws Unavailable.
    std::optional<std::string> notification(std::chrono::milliseconds limit);

    // Makes a blocked call fail soon with Unavailable. Any thread.
    void interrupt() noexcept;

  private:
    [[noreturn]] void fail(const PGresult* result);
    void send(const Statement& statement, std::span<const std::string> parameters);
    BinaryRows finish();
    void wait_for_answer();
    void throw_if_stopped();
    [[nodiscard]] bool next_piece(const std::function<void(std::string_view)>& take);
    void wait_readable(std::chrono::milliseconds limit);

    struct Finish {
        void operator()(PGconn* connection) const { PQfinish(connection); }
    };
    std::string address_;
    std::unique_ptr<PGconn, Finish> connection_;
    std::chrono::milliseconds limit_;
    std::atomic<int> socket_ = -1;
    std::atomic<bool> interrupted_ = false;
    const std::atomic<bool>* stop_ = nullptr;
};

// An integer of `bytes` bytes as a parameter.
[[nodiscard]] std::string big_endian(std::uint32_t number, int bytes);

// Binary forms of parameters: one-dimensional arrays without nulls (PostgreSQL,
// src/backend/utils/adt/arrayfuncs.c, array_recv).
class BinaryArray {
  public:
    enum class Of : std::uint32_t { bytea = 17, int8 = 20, int2 = 21, int4 = 23, text = 25 };

    BinaryArray(Of type, std::size_t size);
    void add(std::string_view bytes);
    void add_int2(int number);
    void add_int8(std::int64_t number);
    [[nodiscard]] std::string take() { return std::move(bytes_); }

  private:
    std::string bytes_;
};

}  // namespace narthex::db
