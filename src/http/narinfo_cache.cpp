#include "narthex/http/narinfo_cache.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstring>
#include <random>

namespace narthex::http {

namespace {

// Absent ones may fill this part: a client that asks for made-up paths doesn't push out real ones.
constexpr std::size_t k_absent_part = 8;
// A node, its place in a table that is half full, and what the allocator adds.
constexpr std::size_t k_entry_overhead = 240;
// Entries whose counts are handed over under a lock: some microseconds.
constexpr std::size_t k_counts_a_turn = 64;

service::Requests requests_of(std::uint64_t n, bool hidden) {
    return hidden ? service::Requests{0, n} : service::Requests{n, 0};
}

std::uint64_t random_key() {
    std::random_device random;
    return static_cast<std::uint64_t>(random()) << 32 | random();
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const auto product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::size_t NarinfoCache::KeyedHash::operator()(const PathKey& path) const noexcept {
    std::array<std::uint64_t, 3> words{};
    std::memcpy(words.data(), path.hash.bytes().data(), HashPart::k_size);
    words[2] |= static_cast<std::uint64_t>(path.cache) << 32;
    return mix(mix(words[0] ^ key, words[1] ^ 0x9e3779b97f4a7c15U) ^ words[2], key | 1);
}

struct NarinfoCache::Shard {
    using Entries = std::list<Entry>;  // the oldest last
    using Index = boost::unordered_flat_map<PathKey, Entries::iterator, KeyedHash>;

    // The found and the absent ones: each with its own bound.
    Entries& list_of(const Entry& entry) { return entry.narinfo ? found : absent; }
    std::size_t& bytes_of(const Entry& entry) { return entry.narinfo ? found_bytes : absent_bytes; }

    void count(Entry& entry) {
        if (counts == nullptr || (!entry.narinfo && !entry.hidden)) return;
        if (entry.requests++ > 0) return;
        entry.counted_at = static_cast<std::uint32_t>(counted.size());
        counted.push_back(&entry);
    }

    void hand_over(Entry& entry) {
        if (entry.requests == 0) return;
        counts->add(entry.key, requests_of(entry.requests, entry.hidden));
        entry.requests = 0;
        counted[entry.counted_at] = counted.back();
        counted[entry.counted_at]->counted_at = entry.counted_at;
        counted.pop_back();
    }

    void erase(Entries::iterator at) {
        hand_over(*at);
        bytes_of(*at) -= at->bytes;
        by_key.erase(at->key);
        list_of(*at).erase(at);
    }

    void shrink(Entries& list, const std::size_t& bytes, std::size_t limit) {
        while (bytes > limit) {
            const auto oldest = std::prev(list.end());
            if (oldest->asked_for) {
                oldest->asked_for = false;
                list.splice(list.begin(), list, oldest);
            } else {
                erase(oldest);
                ++evictions;
            }
        }
    }

    mutable std::mutex mutex;
    service::RequestCounts* counts = nullptr;
    std::vector<Entry*> counted;  // those with requests
    Index by_key{0, KeyedHash{0}};
    Entries found;
    Entries absent;
    std::size_t found_bytes = 0;
    std::size_t absent_bytes = 0;
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t evictions = 0;
};

NarinfoCache::NarinfoCache(
    std::size_t bytes, MaxAges ages, service::Epochs& epochs, service::RequestCounts* counts
)
    : ages_(ages),
      epochs_(epochs),
      counts_(counts),
      shard_bytes_(bytes / k_shards),
      hash_{random_key()},
      shards_(std::make_unique<std::array<Shard, k_shards>>()) {
    for (auto& shard : *shards_) {
        shard.by_key = Shard::Index(0, hash_);
        shard.counts = counts;
    }
}

NarinfoCache::~NarinfoCache() = default;

NarinfoCache::Shard& NarinfoCache::shard_of(const PathKey& key) {
    return (*shards_)[key.hash.bytes().back() % k_shards];
}

bool NarinfoCache::stands(const Entry& entry) const {
    return entry.standing == epochs_.standing(entry.key.hash, entry.batches);
}

std::optional<NarinfoCache::Found> NarinfoCache::find(
    const PathKey& key, Clock::time_point now, bool counts
) {
    if (shard_bytes_ == 0 || !epochs_.trusted(now)) return std::nullopt;
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.by_key.find(key);
    if (at == shard.by_key.end()) {
        ++shard.misses;
        return std::nullopt;
    }
    auto& entry = *at->second;
    const bool renders = !entry.narinfo || now < entry.narinfo->renders_until;
    if (!renders || !stands(entry)) {
        shard.erase(at->second);
        ++shard.misses;
        return std::nullopt;
    }
    // It may count again later.
    if (!entry.narinfo && !epochs_.absences_count(now)) {
        ++shard.misses;
        return std::nullopt;
    }
    ++shard.hits;
    entry.asked_for = true;
    if (counts) shard.count(entry);
    return Found{entry.narinfo, entry.hidden};
}

std::shared_ptr<const NarinfoAnswer> NarinfoCache::last_known(const PathKey& key) {
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto at = shard.by_key.find(key);
    if (at == shard.by_key.end()) return nullptr;
    auto& entry = *at->second;
    if (!entry.narinfo || !stands(entry)) return nullptr;
    shard.count(entry);
    return entry.narinfo;
}

void NarinfoCache::fill(
    const PathKey& key, const service::Epochs::Stamp& stamp, Found found, Clock::time_point now
) {
    if (!epochs_.trusted(now)) {
        // The database answers, but nobody hears what changes in it: should it go away now, what
        // was known before would be no longer what it said last.
        if (epochs_.silent(now)) epochs_.raise_all();
        return;
    }
    const auto standing = epochs_.standing(key.hash, found.batches, stamp);
    if (!standing) return;
    const auto bytes = k_entry_overhead + (found.narinfo ? found.narinfo->bytes() : 0);
    const auto absent_limit = shard_bytes_ / k_absent_part;
    const auto limit = found.narinfo ? shard_bytes_ - absent_limit : absent_limit;
    if (bytes > limit) return;
    auto& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    if (const auto at = shard.by_key.find(key); at != shard.by_key.end()) shard.erase(at->second);
    Entry entry{key, *standing, found.batches, std::move(found.narinfo), bytes, found.hidden};
    auto& list = shard.list_of(entry);
    auto& list_bytes = shard.bytes_of(entry);
    list.push_front(std::move(entry));
    list_bytes += bytes;
    shard.by_key.emplace(key, list.begin());
    shard.shrink(list, list_bytes, limit);
}

void NarinfoCache::count(const PathKey& key, const Found& found) {
    if (counts_ == nullptr || (!found.narinfo && !found.hidden)) return;
    counts_->add(key, requests_of(1, found.hidden));
}

void NarinfoCache::hand_over_counts() {
    for (auto& shard : *shards_) {
        for (bool more = true; more;) {
            const std::lock_guard lock(shard.mutex);
            for (std::size_t i = 0; i < k_counts_a_turn && !shard.counted.empty(); ++i) {
                shard.hand_over(*shard.counted.back());
            }
            more = !shard.counted.empty();
        }
    }
}

NarinfoCache::Figures NarinfoCache::figures() const {
    Figures sum{};
    for (const auto& shard : *shards_) {
        const std::lock_guard lock(shard.mutex);
        sum.bytes += shard.found_bytes + shard.absent_bytes;
        sum.entries += shard.by_key.size();
        sum.hits += shard.hits;
        sum.misses += shard.misses;
        sum.evictions += shard.evictions;
    }
    return sum;
}

}  // namespace narthex::http
