#include "narthex/db/lookup_connection.hpp"

#include "libpq.hpp"

#include "narthex/db/migrate.hpp"
#include "narthex/db/sql.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace narthex::db {

namespace {

// PostgreSQL counts microseconds from 2000-01-01 (timestamptz_send).
std::chrono::system_clock::time_point from_timestamptz(std::int64_t microseconds) {
    constexpr std::chrono::seconds k_unix_time_of_2000(946'684'800);
    return std::chrono::system_clock::time_point(
        k_unix_time_of_2000 + std::chrono::microseconds(microseconds)
    );
}

std::string_view as_text(std::span<const unsigned char> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Key>
std::string caches_of(std::span<const Key> keys) {
    BinaryArray caches(BinaryArray::Of::int2, keys.size());
    for (const auto& key : keys) caches.add_int2(key.cache);
    return caches.take();
}

std::string hashes_of(std::span<const PathKey> keys) {
    BinaryArray hashes(BinaryArray::Of::bytea, keys.size());
    for (const auto& key : keys) hashes.add(as_text(key.hash.bytes()));
    return hashes.take();
}

HashPart to_hash(std::string_view bytes) {
    std::array<unsigned char, HashPart::k_size> hash{};
    if (bytes.size() != hash.size()) throw std::logic_error("a column is no hash part");
    std::copy(bytes.begin(), bytes.end(), hash.begin());
    return HashPart(hash);
}

std::size_t asked(const BinaryRows& rows, int row) {
    return static_cast<std::size_t>(rows.number(row, 0) - 1);
}

NarFacts to_facts(const BinaryRows& rows, int row) {
    NarFacts facts;
    if (!rows.is_null(row, 3)) {
        const auto bytes = rows.bytes(row, 3);
        std::array<unsigned char, Sha256::k_size> hash{};
        if (bytes.size() != hash.size()) throw std::logic_error("a column is no SHA-256");
        std::copy(bytes.begin(), bytes.end(), hash.begin());
        facts.hash = Sha256(hash);
    }
    if (!rows.is_null(row, 4)) facts.size = static_cast<std::uint64_t>(rows.number(row, 4));
    return facts;
}

void check_schema(const std::string& uri) {
    Connection connection(uri, Session::serving);
    require_current_schema(connection);
}

}  // namespace

struct LookupConnection::Impl {
    Impl(const std::string& uri, std::chrono::milliseconds limit)
        : libpq(uri, Session::serving, limit) {
        libpq.prepare(sql::find_narinfos);
        libpq.prepare(sql::find_nar_files);
        libpq.prepare(sql::find_present);
        libpq.prepare(sql::closure_members);
        libpq.prepare(sql::find_companion);
        libpq.prepare(sql::is_primary);
    }
    Libpq libpq;
};

LookupConnection::LookupConnection(
    const std::string& uri, std::chrono::milliseconds limit, Schema schema
) {
    if (schema == Schema::ours) check_schema(uri);
    impl_ = std::make_unique<Impl>(uri, limit);
}

LookupConnection::~LookupConnection() = default;

FoundNarinfos LookupConnection::find_narinfos(std::span<const PathKey> keys) {
    const std::array parameters{caches_of(keys), hashes_of(keys)};
    const auto rows = impl_->libpq.exec(sql::find_narinfos, parameters);
    FoundNarinfos found;
    found.served.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) {
        const auto batches =
            rows.is_null(row, 3) ? 0 : static_cast<std::uint64_t>(rows.number(row, 3));
        if (rows.is_null(row, 1)) {
            found.hidden.push_back({asked(rows, row), batches});
            continue;
        }
        found.served.push_back(
            {asked(rows, row),
             std::string(rows.bytes(row, 1)),
             from_timestamptz(rows.number(row, 2)),
             batches}
        );
    }
    return found;
}

std::vector<FoundNarFile> LookupConnection::find_nar_files(std::span<const NarKey> keys) {
    BinaryArray urls(BinaryArray::Of::text, keys.size());
    for (const auto& key : keys) urls.add(key.url);
    const std::array parameters{caches_of(keys), urls.take()};
    const auto rows = impl_->libpq.exec(sql::find_nar_files, parameters);
    std::vector<FoundNarFile> found;
    found.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) {
        found.push_back(
            {asked(rows, row),
             std::string(rows.bytes(row, 1)),
             rows.number(row, 2) == 1,
             to_facts(rows, row)}
        );
    }
    return found;
}

std::vector<std::size_t> LookupConnection::find_present(std::span<const PathKey> keys) {
    const std::array parameters{caches_of(keys), hashes_of(keys)};
    const auto rows = impl_->libpq.exec(sql::find_present, parameters);
    std::vector<std::size_t> present;
    present.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) present.push_back(asked(rows, row));
    return present;
}

std::optional<std::string> LookupConnection::find_companion(int cache, const std::string& path) {
    const std::array parameters{big_endian(static_cast<std::uint32_t>(cache), 2), path};
    const auto rows = impl_->libpq.exec(sql::find_companion, parameters);
    if (rows.size() == 0) return std::nullopt;
    return std::string(rows.bytes(0, 0));
}

std::vector<ClosureMember> LookupConnection::closure_members(
    const PathKey& root, std::size_t most
) {
    const std::array parameters{
        big_endian(static_cast<std::uint32_t>(root.cache), 2),
        std::string(as_text(root.hash.bytes())),
        big_endian(static_cast<std::uint32_t>(most), 4)};
    const auto rows = impl_->libpq.exec(sql::closure_members, parameters);
    std::vector<ClosureMember> members;
    members.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) {
        auto& member = members.emplace_back(ClosureMember{to_hash(rows.bytes(row, 0)), {}});
        if (rows.bytes(row, 1).empty()) continue;
        member.bytes = static_cast<std::uint64_t>(rows.number(row, 1));
    }
    return members;
}

bool LookupConnection::is_primary() {
    return impl_->libpq.exec(sql::is_primary, {}).number(0, 0) == 1;
}

void LookupConnection::interrupt() noexcept {
    impl_->libpq.interrupt();
}

}  // namespace narthex::db
