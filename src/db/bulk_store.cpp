#include "narthex/db/bulk_store.hpp"

#include "binary_copy.hpp"
#include "bulk_parameters.hpp"
#include "hidden_names.hpp"
#include "libpq.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/db/changes.hpp"
#include "narthex/db/sql.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

namespace narthex::db {

namespace {

using Batch = std::span<const BulkNarinfo>;
using Order = std::vector<std::size_t>;  // places in the batch

// A batch waits for other publishers' batches, and for the collector.
constexpr std::chrono::hours k_limit(1);

const HashPart& hash_of(const BulkNarinfo& row) {
    return row.stored->narinfo->store_path().base.hash;
}

// Another publisher had a row before us, or each waited for the other's.
bool lost_a_race(const QueryFailed& error) {
    const auto& state = error.sqlstate();
    return state == "23505" || state == "40P01" || state == "40001";
}

// Rows go in by hash, as all publishers' do, so that none waits for another in a circle.
Order by_hash(Batch batch) {
    Order order(batch.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, {}, [&](std::size_t i) { return hash_of(batch[i]); });
    return order;
}

struct NarRow {
    const BulkNarinfo* owner;
    const NarFile* file;
    const std::optional<NarPlace>* place;
    std::int64_t id = 0;
};

// By URL; the first narinfo that names a NAR says what it is like.
using Nars = std::map<std::string, std::vector<NarRow>>;

Nars nars_of(Batch batch) {
    Nars nars;
    for (const auto& row : batch) {
        const auto& files = row.stored->narinfo->files();
        for (std::size_t i = 0; i < files.size(); ++i) {
            nars[nar_path(files[i].url).value_or(files[i].url)].push_back(
                {&row, &files[i], &row.stored->places[i]}
            );
        }
    }
    return nars;
}

}  // namespace

struct BulkStore::Impl {
    explicit Impl(const std::string& uri) : libpq(uri, Session::publishing, k_limit) {
        for (const auto* statement :
             {&sql::begin,
              &sql::commit,
              &sql::roll_back,
              &sql::lock_publishing,
              &sql::lock_path_ids,
              &sql::find_held_narinfos,
              &sql::find_present,
              &sql::find_path_ids,
              &sql::find_nar_ids,
              &sql::draw_path_ids,
              &sql::draw_nar_ids,
              &sql::copy_narinfos,
              &sql::copy_paths,
              &sql::copy_graph,
              &sql::copy_nars,
              &sql::copy_narinfo_nars,
              &sql::set_nar_compressions,
              &sql::insert_nar_places,
              &sql::insert_change}) {
            libpq.prepare(*statement);
        }
    }

    // False when some path that it names is in a hide batch.
    [[nodiscard]] bool store(int cache, Batch batch, const NumberedPaths& paths) {
        exec(sql::lock_publishing);
        if (hidden.any(cache, batch, paths)) return false;
        const auto order = by_hash(batch);
        copy_narinfos(cache, batch, order);
        exec(sql::lock_path_ids);
        assign_ids(cache, batch, paths);
        copy_graph(batch, paths);
        auto nars = nars_of(batch);
        assign_nar_ids(cache, nars);
        copy_narinfo_nars(cache, nars);
        insert_places(nars);
        tell_published(cache, batch);
        return true;
    }

    void tell_published(int cache, Batch batch) {
        std::vector<HashPart> hashes;
        hashes.reserve(batch.size());
        for (const auto& row : batch) hashes.push_back(hash_of(row));
        libpq.exec(
            sql::insert_change,
            std::array{
                std::string(to_string(ChangeKind::published)), int2(cache), hash_array(hashes)}
        );
    }

    void commit() {
        try {
            exec(sql::commit);
        } catch (const Unavailable& error) {
            throw InDoubt(std::string("the database went away during a commit: ") + error.what());
        }
    }

    void exec(const Statement& statement) { libpq.exec(statement, {}); }

    void copy_narinfos(int cache, Batch batch, const Order& order) {
        BinaryCopy copy(9);
        for (const auto place : order) {
            const auto& narinfo = *batch[place].stored->narinfo;
            copy.row();
            copy.int2(cache);
            copy.bytes(narinfo.store_path().base.hash.bytes());
            copy.bytes(narinfo.store_path().base.name);
            copy.bytes(narinfo.text());
            copy.bytes(narinfo.nar_hash().bytes());
            copy.int8(static_cast<std::int64_t>(narinfo.nar_size()));
            copy.text_or_null(narinfo.deriver());
            copy.text_or_null(narinfo.ca());
            copy.text_or_null(narinfo.system());
        }
        libpq.copy_in(sql::copy_narinfos, copy.take());
    }

    // Every path that the batch names has an id then, in `paths`.
    void assign_ids(int cache, Batch batch, const NumberedPaths& paths) {
        const auto note = [&](std::uint32_t number) {
            if (paths.ids[number] != 0) return;
            paths.ids[number] = k_wanted;
            learnt.push_back(number);
        };
        for (const auto& row : batch) {
            for (const auto number : row.references) {
                if (number != row.number) note(number);
            }
            note(row.number);
        }
        find_ids(cache, learnt, paths);
        auto unknown = learnt;
        std::erase_if(unknown, [&](std::uint32_t number) { return paths.ids[number] != k_wanted; });
        draw_ids(cache, unknown, paths);
    }

    void find_ids(
        int cache, const std::vector<std::uint32_t>& numbers, const NumberedPaths& paths
    ) {
        std::vector<HashPart> hashes;
        hashes.reserve(numbers.size());
        for (const auto number : numbers) hashes.push_back(paths.hashes[number]);
        const auto rows =
            libpq.exec(sql::find_path_ids, std::array{int2(cache), hash_array(hashes)});
        for (int row = 0; row < rows.size(); ++row) {
            const auto asked = static_cast<std::size_t>(rows.number(row, 0) - 1);
            paths.ids[numbers[asked]] = static_cast<int>(rows.number(row, 1));
        }
    }

    // Ids in the order of `numbers`, rows in that of the hashes.
    void draw_ids(int cache, std::vector<std::uint32_t>& numbers, const NumberedPaths& paths) {
        if (numbers.empty()) return;
        const auto ids = draw(sql::draw_path_ids, numbers.size());
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            paths.ids[numbers[i]] = static_cast<int>(ids[i]);
        }
        std::ranges::sort(numbers, {}, [&](std::uint32_t number) { return paths.hashes[number]; });
        BinaryCopy copy(3);
        for (const auto number : numbers) {
            copy.row();
            copy.int4(paths.ids[number]);
            copy.int2(cache);
            copy.bytes(paths.hashes[number].bytes());
        }
        libpq.copy_in(sql::copy_paths, copy.take());
    }

    std::vector<std::int64_t> draw(const Statement& statement, std::size_t count) {
        const auto rows =
            libpq.exec(statement, std::array{big_endian(static_cast<std::uint32_t>(count), 4)});
        std::vector<std::int64_t> ids;
        ids.reserve(count);
        for (int row = 0; row < rows.size(); ++row) ids.push_back(rows.number(row, 0));
        if (ids.size() != count)
            throw std::logic_error("another number of ids was drawn than asked for");
        return ids;
    }

    void copy_graph(Batch batch, const NumberedPaths& paths) {
        BinaryCopy copy(2);
        std::vector<int> references;
        for (const auto& row : batch) {
            references.clear();
            for (const auto number : row.references) references.push_back(paths.ids[number]);
            copy.row();
            copy.int4(paths.ids[row.number]);
            copy.int4_array(references);
        }
        libpq.copy_in(sql::copy_graph, copy.take());
    }

    void assign_nar_ids(int cache, Nars& nars) {
        BinaryArray urls(BinaryArray::Of::text, nars.size());
        std::vector<std::vector<NarRow>*> asked;
        for (auto& [url, rows] : nars) {
            urls.add(url);
            asked.push_back(&rows);
        }
        const auto found = libpq.exec(sql::find_nar_ids, std::array{int2(cache), urls.take()});
        std::vector<const NarRow*> uploaded;
        for (int row = 0; row < found.size(); ++row) {
            auto& nar = asked[static_cast<std::size_t>(found.number(row, 0) - 1)]->front();
            nar.id = found.number(row, 1);
            if (found.number(row, 2) != 0) uploaded.push_back(&nar);
        }
        set_compressions(uploaded);
        const auto absent =
            std::ranges::count_if(nars, [](const auto& nar) { return nar.second.front().id == 0; });
        const auto ids = draw(sql::draw_nar_ids, static_cast<std::size_t>(absent));
        copy_nars(cache, nars, ids);
        for (auto& [url, rows] : nars) {
            for (auto& row : rows) row.id = rows.front().id;
        }
    }

    void set_compressions(const std::vector<const NarRow*>& nars) {
        if (nars.empty()) return;
        BinaryArray ids(BinaryArray::Of::int8, nars.size());
        BinaryArray compressions(BinaryArray::Of::text, nars.size());
        for (const auto* nar : nars) {
            ids.add_int8(nar->id);
            compressions.add(nar->file->compression);
        }
        libpq.exec(sql::set_nar_compressions, std::array{ids.take(), compressions.take()});
    }

    // Gives the absent ones these ids.
    void copy_nars(int cache, Nars& nars, std::span<const std::int64_t> ids) {
        BinaryCopy copy(6);
        for (auto& [url, rows] : nars) {
            auto& nar = rows.front();
            if (nar.id != 0) continue;
            nar.id = ids.front();
            ids = ids.subspan(1);
            copy.row();
            copy.int8(nar.id);
            copy.int2(cache);
            copy.bytes(url);
            copy.bytes(nar.file->compression);
            if (nar.file->hash) {
                copy.bytes(nar.file->hash->bytes());
            } else {
                copy.null();
            }
            if (nar.file->size) {
                copy.int8(static_cast<std::int64_t>(*nar.file->size));
            } else {
                copy.null();
            }
        }
        libpq.copy_in(sql::copy_nars, copy.take());
    }

    void copy_narinfo_nars(int cache, const Nars& nars) {
        BinaryCopy copy(3);
        for (const auto& [url, rows] : nars) {
            const BulkNarinfo* before = nullptr;
            for (const auto& row : rows) {
                // A narinfo may name a NAR twice; its rows stand next to each other.
                if (row.owner == std::exchange(before, row.owner)) continue;
                copy.row();
                copy.int2(cache);
                copy.bytes(hash_of(*row.owner).bytes());
                copy.int8(row.id);
            }
        }
        libpq.copy_in(sql::copy_narinfo_nars, copy.take());
    }

    void insert_places(const Nars& nars) {
        std::vector<const NarRow*> placed;
        for (const auto& [url, rows] : nars) {
            if (*rows.front().place) placed.push_back(&rows.front());
        }
        if (placed.empty()) return;
        BinaryArray ids(BinaryArray::Of::int8, placed.size());
        BinaryArray sites(BinaryArray::Of::int2, placed.size());
        BinaryArray paths(BinaryArray::Of::text, placed.size());
        for (const auto* nar : placed) {
            ids.add_int8(nar->id);
            sites.add_int2((*nar->place)->site);
            paths.add((*nar->place)->path);
        }
        libpq.exec(sql::insert_nar_places, std::array{ids.take(), sites.take(), paths.take()});
    }

    static constexpr int k_wanted = -1;
    Libpq libpq;
    std::vector<std::uint32_t> learnt;  // paths whose ids weren't known before this transaction
    HiddenNames hidden{libpq};
};

BulkStore::BulkStore(const std::string& uri) : impl_(std::make_unique<Impl>(uri)) {}

BulkStore::~BulkStore() = default;

std::vector<HeldNarinfo> BulkStore::find_held(int cache, std::span<const HashPart> hashes) {
    const auto rows =
        impl_->libpq.exec(sql::find_held_narinfos, std::array{int2(cache), hash_array(hashes)});
    std::vector<HeldNarinfo> held;
    held.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) {
        held.push_back(
            {static_cast<std::size_t>(rows.number(row, 0) - 1),
             std::string(rows.bytes(row, 1)),
             std::string(rows.bytes(row, 2)),
             static_cast<std::uint64_t>(rows.number(row, 3)),
             rows.number(row, 4) != 0}
        );
    }
    return held;
}

std::vector<std::size_t> BulkStore::find_served(int cache, std::span<const HashPart> hashes) {
    BinaryArray caches(BinaryArray::Of::int2, hashes.size());
    for (std::size_t i = 0; i < hashes.size(); ++i) caches.add_int2(cache);
    const auto rows =
        impl_->libpq.exec(sql::find_present, std::array{caches.take(), hash_array(hashes)});
    std::vector<std::size_t> served;
    served.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) {
        served.push_back(static_cast<std::size_t>(rows.number(row, 0) - 1));
    }
    return served;
}

bool BulkStore::store(int cache, std::span<const BulkNarinfo> batch, const NumberedPaths& paths) {
    impl_->learnt.clear();
    try {
        impl_->exec(sql::begin);
        if (!impl_->store(cache, batch, paths)) {
            impl_->exec(sql::roll_back);
            return false;
        }
        impl_->commit();
        return true;
    } catch (const QueryFailed& error) {
        for (const auto number : impl_->learnt) paths.ids[number] = 0;
        impl_->exec(sql::roll_back);
        if (!lost_a_race(error)) throw;
        return false;
    }
}

}  // namespace narthex::db
