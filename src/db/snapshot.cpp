#include "narthex/db/snapshot.hpp"

#include "libpq.hpp"

#include "narthex/db/sql.hpp"

#include <algorithm>
#include <array>

namespace narthex::db {

namespace {

// The ids of a closure of millions are one statement.
constexpr std::chrono::hours k_limit(1);

std::string int4(int number) {
    return big_endian(static_cast<std::uint32_t>(number), 4);
}

std::vector<int> ids_of(const BinaryRows& rows) {
    std::vector<int> ids;
    ids.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) {
        ids.push_back(static_cast<int>(rows.number(row, 0)));
    }
    return ids;
}

HashPart to_hash(std::string_view bytes) {
    std::array<unsigned char, HashPart::k_size> hash{};
    if (bytes.size() != hash.size()) throw std::logic_error("a column is no hash part");
    std::ranges::copy(bytes, hash.begin());
    return HashPart(hash);
}

}  // namespace

struct Snapshot::Impl {
    Impl(const std::string& uri, int cache_id)
        : libpq(uri, Session::publishing, k_limit),
          cache(big_endian(static_cast<std::uint32_t>(cache_id), 2)) {
        for (const auto* statement :
             {&sql::begin_snapshot,
              &sql::list_path_ids,
              &sql::last_path_id,
              &sql::closure_ids,
              &sql::export_narinfos}) {
            libpq.prepare(*statement);
        }
        libpq.exec(sql::begin_snapshot, {});
    }

    Libpq libpq;
    std::string cache;
};

Snapshot::Snapshot(const std::string& uri, int cache) : impl_(std::make_unique<Impl>(uri, cache)) {}

Snapshot::~Snapshot() = default;

std::vector<int> Snapshot::path_ids(int after, int most) {
    return ids_of(
        impl_->libpq.exec(sql::list_path_ids, std::array{impl_->cache, int4(after), int4(most)})
    );
}

int Snapshot::last_path_id() {
    return ids_of(impl_->libpq.exec(sql::last_path_id, {})).at(0);
}

std::vector<int> Snapshot::closure(std::span<const HashPart> paths) {
    BinaryArray hashes(BinaryArray::Of::bytea, paths.size());
    for (const auto& path : paths) {
        const auto bytes = path.bytes();
        hashes.add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    return ids_of(impl_->libpq.exec(sql::closure_ids, std::array{impl_->cache, hashes.take()}));
}

std::vector<SnapshotNarinfo> Snapshot::narinfos(std::span<const int> path_ids, bool hidden) {
    BinaryArray ids(BinaryArray::Of::int4, path_ids.size());
    for (const int id : path_ids) ids.add(int4(id));
    const auto rows = impl_->libpq.exec(
        sql::export_narinfos, std::array{impl_->cache, ids.take(), std::string(1, hidden ? 1 : 0)}
    );
    std::vector<SnapshotNarinfo> out;
    out.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) {
        out.push_back({to_hash(rows.bytes(row, 0)), std::string(rows.bytes(row, 1))});
    }
    return out;
}

}  // namespace narthex::db
