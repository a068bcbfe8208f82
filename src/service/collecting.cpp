#include "collecting.hpp"

#include "narthex/core/glob.hpp"
#include "narthex/db/roots.hpp"
#include "narthex/db/uploads.hpp"
#include "narthex/service/roots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <thread>

namespace narthex::service {

namespace {

// How soon a collector that waits notices that it shall end.
constexpr std::chrono::milliseconds k_longest_sleep(50);

void take(db::Tx& tx, PublishingLock lock) {
    switch (lock) {
        case PublishingLock::none:
            return;
        case PublishingLock::shared:
            return db::share_publishing(tx);
        case PublishingLock::alone:
            return db::lock_collecting(tx);
    }
}

}  // namespace

Collecting::Collecting(db::Connection& connection, const CollectEvents& events, std::size_t rate)
    : connection_(connection), events_(events), pace_(rate) {}

Result<void> Collecting::lock(const std::string& command) {
    bool locked = false;
    std::string holder;
    connection_.write([&](db::Tx& tx) {
        locked = db::try_lock_collector(tx, command);
        holder = locked ? "" : db::collector_holder(tx);
    });
    if (locked) return {};
    return Error{fmt::format(
        "another collector works on this database{}: wait for its end",
        holder.empty() ? "" : " (" + holder + ")"
    )};
}

Result<db::Collection> Collecting::find(int plan) {
    std::optional<db::Collection> found;
    connection_.read([&](db::Tx& tx) { found = db::find_collection(tx, plan); });
    if (found) return *found;
    return Error{
        fmt::format("there is no plan {}; 'narthex gc status' lists those there are", plan)};
}

void Collecting::transaction(PublishingLock lock, const std::function<void(db::Tx&)>& job) {
    connection_.write([&](db::Tx& tx) {
        take(tx, lock);
        job(tx);
    });
}

std::size_t Collecting::largest_batch(std::size_t most) const {
    return std::min(most, pace_.largest_batch());
}

void Collecting::wait_for_turn(std::size_t paths) {
    const auto turn = pace_.take(paths, Pace::Clock::now());
    // In pieces: what ends the work is a flag that nobody can wait for.
    for (auto now = Pace::Clock::now(); now < turn && !stopped(); now = Pace::Clock::now()) {
        std::this_thread::sleep_for(std::min<Pace::Clock::duration>(turn - now, k_longest_sleep));
    }
}

Result<void> Collecting::wait_for_regions(
    std::chrono::milliseconds limit, const std::string& so, const std::string& command
) {
    std::string position;
    read([&](db::Tx& tx) { position = db::current_wal_position(tx); });
    std::vector<db::LaggingSlot> lagging;
    const bool reached = wait_for(limit, [&] {
        read([&](db::Tx& tx) { lagging = db::list_lagging_slots(tx, position); });
        return lagging.empty();
    });
    if (reached || stopped()) return {};
    return Error{fmt::format(
        "region {} is {} bytes behind, and {}: the same again goes on; '{} --force-lagging-region' "
        "doesn't wait for it",
        lagging.front().name,
        lagging.front().bytes,
        so,
        command
    )};
}

// False when the work shall end, or `limit` has passed, before `condition` is true.
bool Collecting::wait_for(std::chrono::milliseconds limit, const std::function<bool()>& condition)
    const {
    const auto end = Pace::Clock::now() + limit;
    while (!condition()) {
        if (stopped() || Pace::Clock::now() >= end) return false;
        std::this_thread::sleep_for(k_longest_sleep);
    }
    return true;
}

void Collecting::tell(std::string_view phase, std::uint64_t done, std::uint64_t total) const {
    if (events_.progress) events_.progress({phase, done, total});
}

std::vector<int> rooted_since(db::Tx& tx, const db::Collection& collection) {
    const auto living = living_roots(tx, collection.cache, collection.now);
    const auto counted = db::counted_roots(tx, collection.plan);
    std::vector<int> fresh;
    std::ranges::set_difference(living, counted, std::back_inserter(fresh));
    std::vector<int> wanted;
    for (const auto& root : db::load_roots(tx, fresh)) {
        wanted.insert(wanted.end(), root.paths.begin(), root.paths.end());
        if (root.kind != "pattern") continue;
        const auto named =
            db::list_paths_named(tx, collection.cache, glob_regex(root.item).value());
        wanted.insert(wanted.end(), named.begin(), named.end());
    }
    return wanted;
}

}  // namespace narthex::service
