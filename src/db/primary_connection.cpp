#include "narthex/db/primary_connection.hpp"

#include "libpq.hpp"

#include "narthex/db/sql.hpp"

#include <array>
#include <set>

namespace narthex::db {

namespace {

using std::chrono::microseconds;
using std::chrono::system_clock;

std::string int8(std::int64_t number) {
    const auto bits = static_cast<std::uint64_t>(number);
    return big_endian(static_cast<std::uint32_t>(bits >> 32), 4) +
           big_endian(static_cast<std::uint32_t>(bits), 4);
}

std::int64_t since_1970(system_clock::time_point time) {
    return std::chrono::duration_cast<microseconds>(time.time_since_epoch()).count();
}

}  // namespace

struct PrimaryConnection::Impl {
    Impl(const std::string& uri, std::chrono::milliseconds limit)
        : libpq(uri, Session::publishing, limit) {}

    // Prepared here, not when it connects: interrupt() ends it.
    BinaryRows exec(const Statement& statement, std::span<const std::string> parameters) {
        if (prepared.insert(&statement).second) libpq.prepare(statement);
        return libpq.exec(statement, parameters);
    }

    Libpq libpq;
    std::set<const Statement*> prepared;
};

PrimaryConnection::PrimaryConnection(const std::string& uri, std::chrono::milliseconds limit)
    : impl_(std::make_unique<Impl>(uri, limit)) {}

PrimaryConnection::~PrimaryConnection() = default;

system_clock::time_point PrimaryConnection::ask_clock() {
    const auto rows = impl_->exec(sql::ask_clock, {});
    return system_clock::time_point(microseconds(rows.number(0, 0)));
}

int PrimaryConnection::ask_schema_version() {
    const auto rows = impl_->exec(sql::schema_version, {});
    return static_cast<int>(rows.number(0, 0));
}

void PrimaryConnection::report(const RegionReport& report) {
    const auto& applied = report.applied;
    const std::array parameters{
        int8(report.epoch),
        big_endian(static_cast<std::uint32_t>(report.schema_version), 4),
        int8(applied ? since_1970(applied->at) : 0),
        applied ? std::to_string(applied->xid) : std::string(),
        int8(report.errors),
        report.trouble};
    impl_->exec(sql::report_region, parameters);
}

void PrimaryConnection::send_counts(std::span<const RequestCount> counts) {
    using Of = BinaryArray::Of;
    BinaryArray caches(Of::int2, counts.size());
    BinaryArray hashes(Of::bytea, counts.size());
    BinaryArray days(Of::int8, counts.size());
    BinaryArray served(Of::int8, counts.size());
    BinaryArray hidden(Of::int8, counts.size());
    for (const auto& count : counts) {
        const auto hash = count.key.hash.bytes();
        caches.add_int2(count.key.cache);
        hashes.add({reinterpret_cast<const char*>(hash.data()), hash.size()});
        days.add_int8(count.day);
        served.add_int8(static_cast<std::int64_t>(count.served));
        hidden.add_int8(static_cast<std::int64_t>(count.hidden));
    }
    const std::array parameters{
        caches.take(), hashes.take(), days.take(), served.take(), hidden.take()};
    impl_->exec(sql::send_counts, parameters);
}

void PrimaryConnection::fence(std::int64_t new_epoch, const std::string& new_primary) {
    const std::array parameters{int8(new_epoch), new_primary};
    impl_->exec(sql::fence_primary, parameters);
}

void PrimaryConnection::interrupt() noexcept {
    impl_->libpq.interrupt();
}

}  // namespace narthex::db
