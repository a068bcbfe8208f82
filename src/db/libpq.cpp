#include "libpq.hpp"

#include "conninfo.hpp"
#include "refused.hpp"

#include "narthex/db/stopped.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace narthex::db {

namespace {

constexpr std::chrono::milliseconds k_grace(500);
constexpr std::chrono::milliseconds k_look(200);  // how often a wait looks whether it is to stop

std::string first_line(std::string_view text) {
    return std::string(text.substr(0, text.find('\n')));
}

void append_big_endian(std::string& out, std::uint64_t number, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
        out += static_cast<char>(number >> shift & 0xff);
    }
}

}  // namespace

std::string_view BinaryRows::bytes(int row, int column) const {
    const auto size = PQgetlength(result_.get(), row, column);
    return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(size)};
}

std::int64_t BinaryRows::number(int row, int column) const {
    const auto text = bytes(row, column);
    if (text.empty() || text.size() > 8) throw std::logic_error("a column is no integer");
    // The sign is the first byte's.
    std::uint64_t value = (text[0] & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (const char c : text) value = value << 8 | static_cast<unsigned char>(c);
    return static_cast<std::int64_t>(value);
}

Libpq::Libpq(const std::string& uri, Session session, std::chrono::milliseconds limit)
    : address_(describe_address(uri)),
      connection_(PQconnectdb(with_session(uri, session, limit).c_str())),
      limit_(limit) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) {
        throw Unavailable(fmt::format(
            "no database at {}: {}", address_, first_line(PQerrorMessage(connection_.get()))
        ));
    }
    // What PostgreSQL says beside its answers is of no use here; libpq would print it.
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr
    );
    socket_ = PQsocket(connection_.get());
}

void Libpq::prepare(const Statement& statement) {
    // It may wait: for somebody who holds a table that the statement reads.
    const int sent = PQsendPrepare(connection_.get(), statement.name, statement.text, 0, nullptr);
    if (sent == 0) fail(nullptr);
    finish();
}

void Libpq::send(const Statement& statement, std::span<const std::string> parameters) {
    const auto count = parameters.size();
    std::vector<const char*> values(count);
    std::vector<int> lengths(count);
    const std::vector<int> binary(count, 1);
    for (std::size_t i = 0; i < count; ++i) {
        values[i] = parameters[i].data();
        lengths[i] = static_cast<int>(parameters[i].size());
    }
    const int sent = PQsendQueryPrepared(
        connection_.get(),
        statement.name,
        static_cast<int>(count),
        values.data(),
        lengths.data(),
        binary.data(),
        1
    );
    if (sent == 0) fail(nullptr);
}

BinaryRows Libpq::finish() {
    wait_for_answer();
    auto* result = PQgetResult(connection_.get());
    BinaryRows rows(result);
    const auto status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(result);
    while (auto* more = PQgetResult(connection_.get())) PQclear(more);
    return rows;
}

BinaryRows Libpq::exec(const Statement& statement, std::span<const std::string> parameters) {
    send(statement, parameters);
    return finish();
}

void Libpq::copy_in(const Statement& statement, std::string_view bytes) {
    constexpr std::size_t k_piece = 64 * 1024;  // PostgreSQL works on one while the next is sent
    send(statement, {});
    wait_for_answer();
    auto* begun = PQgetResult(connection_.get());
    const BinaryRows owner(begun);
    if (PQresultStatus(begun) != PGRES_COPY_IN) fail(begun);
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), k_piece))) {
        const auto size = static_cast<int>(std::min(bytes.size(), k_piece));
        if (PQputCopyData(connection_.get(), bytes.data(), size) != 1) fail(nullptr);
    }
    if (PQputCopyEnd(connection_.get(), nullptr) != 1) fail(nullptr);
    finish();
}

void Libpq::each_row(
    const Statement& statement,
    std::span<const std::string> parameters,
    const std::function<void(const BinaryRows& row)>& take
) {
    send(statement, parameters);
    if (PQsetSingleRowMode(connection_.get()) != 1) fail(nullptr);
    for (;;) {
        wait_for_answer();
        auto* result = PQgetResult(connection_.get());
        if (result == nullptr) return;
        const BinaryRows row(result);
        const auto status = PQresultStatus(result);
        if (status == PGRES_SINGLE_TUPLE) {
            take(row);
        } else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
            fail(result);
        }
    }
}

void Libpq::copy_out(
    const Statement& statement, const std::function<void(std::string_view)>& take
) {
    send(statement, {});
    wait_for_answer();
    auto* begun = PQgetResult(connection_.get());
    const BinaryRows owner(begun);
    if (PQresultStatus(begun) != PGRES_COPY_OUT) fail(begun);
    while (next_piece(take)) {
    }
    finish();
}

// False at the end.
bool Libpq::next_piece(const std::function<void(std::string_view)>& take) {
    char* bytes = nullptr;
    const int size = PQgetCopyData(connection_.get(), &bytes, 1);
    const std::unique_ptr<char, void (*)(void*)> owner(bytes, PQfreemem);
    if (size > 0) {
        take({bytes, static_cast<std::size_t>(size)});
    } else if (size == 0) {
        throw_if_stopped();
        wait_readable(k_look);
        if (PQconsumeInput(connection_.get()) == 0) fail(nullptr);
    } else if (size == -2) {
        fail(nullptr);
    }
    return size >= 0;
}

void Libpq::run(const std::string& text) {
    if (PQsendQuery(connection_.get(), text.c_str()) == 0) fail(nullptr);
    finish();
}

std::string Libpq::scram_verifier(const std::string& role, const std::string& password) {
    const std::unique_ptr<char, void (*)(void*)> verifier(
        PQencryptPasswordConn(connection_.get(), password.c_str(), role.c_str(), "scram-sha-256"),
        PQfreemem
    );
    if (!verifier) fail(nullptr);
    return verifier.get();
}

void Libpq::throw_if_stopped() {
    if (stop_ == nullptr || !stop_->load()) return;
    const std::unique_ptr<PGcancel, void (*)(PGcancel*)> cancel(
        PQgetCancel(connection_.get()), PQfreeCancel
    );
    // Without, PostgreSQL would work on until it had something to send.
    std::array<char, 256> reason{};
    if (cancel) PQcancel(cancel.get(), reason.data(), static_cast<int>(reason.size()));
    throw Stopped();
}

// PostgreSQL ends a statement in time by itself, unless it hangs as a whole.
void Libpq::wait_for_answer() {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + limit_ + k_grace;
    while (PQisBusy(connection_.get()) != 0) {
        throw_if_stopped();
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        if (left.count() <= 0) {
            throw Unavailable(fmt::format("the database at {} doesn't answer", address_));
        }
        wait_readable(stop_ == nullptr ? left : std::min(left, k_look));
        if (PQconsumeInput(connection_.get()) == 0) fail(nullptr);
    }
}

void Libpq::fail(const PGresult* result) {
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const std::string sqlstate = state == nullptr ? "" : state;
    const auto reason = first_line(PQerrorMessage(connection_.get()));
    // A backend that is told to stop says so by an SQLSTATE of class 57P (or breaks off).
    if (sqlstate.starts_with("57P") || PQstatus(connection_.get()) != CONNECTION_OK) {
        throw Unavailable(fmt::format("the database at {} is away: {}", address_, reason));
    }
    // The statement's end, so that another may follow.
    while (auto* more = result == nullptr ? nullptr : PQgetResult(connection_.get())) PQclear(more);
    throw_refused(reason, sqlstate);
}

std::optional<std::string> Libpq::notification(std::chrono::milliseconds limit) {
    struct Free {
        void operator()(PGnotify* notify) const { PQfreemem(notify); }
    };
    for (bool waited = false;; waited = true) {
        if (PQconsumeInput(connection_.get()) == 0 || interrupted_) fail(nullptr);
        const std::unique_ptr<PGnotify, Free> notify(PQnotifies(connection_.get()));
        if (notify) return notify->extra;
        if (waited) return std::nullopt;
        wait_readable(limit);
    }
}

void Libpq::wait_readable(std::chrono::milliseconds limit) {
    pollfd waited{socket_, POLLIN, 0};
    if (::poll(&waited, 1, static_cast<int>(limit.count())) < 0 && errno != EINTR) fail(nullptr);
}

void Libpq::interrupt() noexcept {
    interrupted_ = true;
    ::shutdown(socket_, SHUT_RDWR);
}

std::string big_endian(std::uint32_t number, int bytes) {
    std::string out;
    append_big_endian(out, number, bytes);
    return out;
}

BinaryArray::BinaryArray(Of type, std::size_t size) {
    append_big_endian(bytes_, size == 0 ? 0 : 1, 4);  // dimensions
    append_big_endian(bytes_, 0, 4);                  // no nulls
    append_big_endian(bytes_, static_cast<std::uint32_t>(type), 4);
    if (size == 0) return;
    append_big_endian(bytes_, static_cast<std::uint32_t>(size), 4);
    append_big_endian(bytes_, 1, 4);  // the first index
}

void BinaryArray::add(std::string_view bytes) {
    append_big_endian(bytes_, static_cast<std::uint32_t>(bytes.size()), 4);
    bytes_ += bytes;
}

void BinaryArray::add_int8(std::int64_t number) {
    append_big_endian(bytes_, 8, 4);
    append_big_endian(bytes_, static_cast<std::uint64_t>(number), 8);
}

void BinaryArray::add_int2(int number) {
    append_big_endian(bytes_, 2, 4);
    append_big_endian(bytes_, static_cast<std::uint32_t>(number), 2);
}

}  // namespace narthex::db
