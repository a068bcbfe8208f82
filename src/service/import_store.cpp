#include "import_store.hpp"

#include "narthex/db/changes.hpp"
#include "narthex/db/rescue.hpp"
#include "narthex/db/tags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace narthex::service {

namespace {

using Place = ReferenceIndex::Place;
using Places = std::vector<Place>;
using Batch = ImportStore::Batch;

// A batch is one transaction: large enough that its statements' fixed cost vanishes, small enough
// that its texts are a few tens of megabytes.
constexpr std::size_t k_batch_narinfos = 2000;
constexpr std::size_t k_batch_bytes = 8 * 1024 * 1024;
constexpr std::size_t k_asked_at_once = 10'000;

std::vector<db::StoredNarinfo> rows_of(const Batch& batch) {
    std::vector<db::StoredNarinfo> rows;
    rows.reserve(batch.size());
    for (const auto& candidate : batch) rows.push_back({&candidate.narinfo, candidate.places});
    return rows;
}

// Whoever imports paths wants them, and what they refer to: nothing of that stays hidden, unless a
// part of its closure has been purged.
void rescue_named(db::Tx& tx, int cache, const db::StoreReport& stored, const Batch& batch) {
    std::set<HashPart> named;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (stored.fates[i] == db::Fate::conflict) continue;
        named.insert(hash_of(batch[i].narinfo));
        for (const auto& reference : batch[i].narinfo.references()) named.insert(reference.hash);
    }
    db::rescue_whole(tx, cache, std::vector(named.begin(), named.end()));
}

// New or again: a collector that is at work on an older plan learns so that somebody wants them.
void tell_published(db::Tx& tx, int cache, const db::StoreReport& stored, const Batch& batch) {
    std::vector<HashPart> paths;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (stored.fates[i] != db::Fate::conflict) paths.push_back(hash_of(batch[i].narinfo));
    }
    db::add_change(tx, db::ChangeKind::published, cache, paths);
}

std::future<std::pair<Places, Batch>> load(const ImportChunk& chunk, Places places) {
    auto work = [&chunk, places = std::move(places)] {
        Batch batch;
        batch.reserve(places.size());
        for (const auto place : places) batch.push_back(chunk.load(place));
        return std::pair(places, std::move(batch));
    };
    return std::async(std::launch::async, std::move(work));
}

}  // namespace

ImportStore::ImportStore(const std::string& database, ImportRun& run)
    : connection_(database, db::Session::publishing), bulk_(database), run_(run) {}

int ImportStore::find_site() {
    int site = 0;
    connection_.write([&](db::Tx& tx) {
        site = db::find_or_insert_nar_directory(tx, run_.options().nar_directory->base());
    });
    return site;
}

std::vector<db::HeldNarinfo> ImportStore::find_held(std::span<const HashPart> hashes) {
    if (hashes.empty()) return {};
    return bulk_.find_held(run_.options().cache.id, hashes);
}

void ImportStore::store(ImportChunk& chunk) {
    const auto& index = chunk.index();
    if (index.size() == 0) return;
    chunk.finish();
    ++run_.report.parts;
    run_.report.order_memory = std::max(run_.report.order_memory, chunk.memory());
    run_.tell({ImportPhase::ordering, index.size(), 0, 0});
    auto order = index.references_first();
    if (run_.options().closed) drop_unclosed(chunk, order);
    ids_.assign(index.paths().size(), 0);
    stored_.assign(index.size(), false);
    store_in_order(chunk, order);
    note_dangling(index);
    chunk.clear();
}

// While a batch is stored, the next one is loaded.
void ImportStore::store_in_order(const ImportChunk& chunk, std::span<const Place> order) {
    const auto total = chunk.spooled_bytes();
    ImportProgress progress{ImportPhase::storing, 0, 0, total};
    run_.tell(progress);
    auto next = load(chunk, take_batch(chunk, order));
    while (true) {
        const auto [places, batch] = next.get();
        if (batch.empty()) return;
        next = load(chunk, take_batch(chunk, order));
        store_batch(chunk, places, batch);
        run_.tell_batch_stored();
        progress.narinfos += places.size();
        for (const auto place : places) progress.bytes += chunk.bytes_of(place);
        run_.tell(progress);
        if (run_.stopped()) return;
    }
}

// Removes a batch's places from the beginning of `order`.
Places ImportStore::take_batch(const ImportChunk& chunk, std::span<const Place>& order) const {
    const auto most = std::min(k_batch_narinfos, run_.largest_batch());
    std::size_t count = 0;
    std::size_t bytes = 0;
    while (count < order.size() && count < most && bytes < k_batch_bytes) {
        bytes += chunk.bytes_of(order[count++]);
    }
    Places places(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count));
    order = order.subspan(count);
    return places;
}

void ImportStore::store_batch(const ImportChunk& chunk, const Places& places, const Batch& batch) {
    run_.wait_for_turn(batch.size());
    const auto& index = chunk.index();
    const auto rows = rows_of(batch);
    std::vector<db::BulkNarinfo> numbered;
    numbered.reserve(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
        numbered.push_back({&rows[i], index.number(places[i]), index.references(places[i])});
    }
    if (bulk_.store(run_.options().cache.id, numbered, {index.paths(), ids_})) {
        run_.report.added += batch.size();
        std::vector<HashPart> added;
        for (const auto& candidate : batch) added.push_back(hash_of(candidate.narinfo));
        tag(added);
    } else {
        count(store_any(batch), batch);
    }
    for (const auto place : places) stored_[place] = true;
}

db::StoreReport ImportStore::store_any(const Batch& batch) {
    const auto rows = rows_of(batch);
    db::StoreReport stored;
    connection_.write([&](db::Tx& tx) {
        const auto cache = run_.options().cache.id;
        stored = db::store_narinfos(tx, cache, rows);
        rescue_named(tx, cache, stored, batch);
        tell_published(tx, cache, stored, batch);
    });
    return stored;
}

void ImportStore::store_held(const Batch& batch) {
    if (batch.empty()) return;
    const auto stored = store_any(batch);
    const auto added = std::ranges::count(stored.fates, db::Fate::added);
    run_.report.added += static_cast<std::uint64_t>(added);
    run_.report.present -= static_cast<std::uint64_t>(added);
    const auto& ids = stored.dangling_ids;
    dangling_.insert(dangling_.end(), ids.begin(), ids.end());
}

void ImportStore::count(const db::StoreReport& stored, const Batch& batch) {
    std::vector<HashPart> held;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (stored.fates[i] == db::Fate::conflict) {
            run_.reject_conflict(batch[i].narinfo, batch[i].origin);
        } else {
            ++(stored.fates[i] == db::Fate::added ? run_.report.added : run_.report.present);
            held.push_back(hash_of(batch[i].narinfo));
        }
    }
    tag(held);
    const auto& ids = stored.dangling_ids;
    dangling_.insert(dangling_.end(), ids.begin(), ids.end());
}

// In a transaction after the one that stored them: an import that ends in between is run again, and
// tags what is there.
void ImportStore::tag(std::span<const HashPart> paths) {
    const auto& options = run_.options();
    if (options.tags.empty() || paths.empty()) return;
    connection_.write([&](db::Tx& tx) {
        db::lock_publishing(tx);
        db::add_tags(tx, options.cache.id, paths, options.tags);
    });
}

// Takes out the narinfos whose closure is neither served nor in the order.
void ImportStore::drop_unclosed(const ImportChunk& chunk, Places& order) {
    const auto& index = chunk.index();
    std::vector<bool> dropped(index.size(), false);
    for (const auto& gap : index.gaps(order, find_served(index))) {
        dropped[gap.place] = true;
        run_.reject(
            chunk.load(gap.place).origin,
            fmt::format(
                "refers to {}/{}-..., which is neither served nor imported with it",
                run_.options().cache.store_dir,
                index.paths()[gap.missing].to_string()
            )
        );
    }
    std::erase_if(order, [&](Place place) { return dropped[place]; });
}

// By number; of paths that aren't in the chunk alone.
std::vector<bool> ImportStore::find_served(const ReferenceIndex& index) {
    std::vector<bool> served(index.paths().size(), false);
    std::vector<HashPart> hashes;
    std::vector<ReferenceIndex::Number> numbers;
    const auto ask = [&] {
        for (const auto asked : bulk_.find_served(run_.options().cache.id, hashes)) {
            served[numbers[asked]] = true;
        }
        hashes.clear();
        numbers.clear();
    };
    for (ReferenceIndex::Number number = 0; number < served.size(); ++number) {
        if (index.place(number) != ReferenceIndex::k_not_added) continue;
        hashes.push_back(index.paths()[number]);
        numbers.push_back(number);
        if (hashes.size() == k_asked_at_once) ask();
    }
    ask();
    return served;
}

// Paths that have an id and weren't stored here; find_dangling tells which the cache has.
void ImportStore::note_dangling(const ReferenceIndex& index) {
    for (ReferenceIndex::Number number = 0; number < ids_.size(); ++number) {
        if (ids_[number] == 0) continue;
        const auto place = index.place(number);
        if (place == ReferenceIndex::k_not_added || !stored_[place]) {
            dangling_.push_back(ids_[number]);
        }
    }
    std::ranges::sort(dangling_);
    const auto repeats = std::ranges::unique(dangling_);
    dangling_.erase(repeats.begin(), repeats.end());
}

// Others may have imported what was missing when our batch was stored, so the database is asked.
std::vector<HashPart> ImportStore::find_dangling() {
    std::vector<HashPart> out;
    for (std::size_t from = 0; from < dangling_.size(); from += k_asked_at_once) {
        const auto size = std::min(k_asked_at_once, dangling_.size() - from);
        connection_.read([&](db::Tx& tx) {
            const auto found = db::find_dangling(tx, std::span(dangling_).subspan(from, size));
            out.insert(out.end(), found.begin(), found.end());
        });
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace narthex::service
