#include "narthex/service/nar_filler.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace narthex::service {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t k_at_once = 2;
constexpr int k_chunk = 1000;
constexpr std::chrono::seconds k_pause(5);
constexpr std::chrono::seconds k_pause_after_failures(30);
// So often all are looked at again, not only the new ones: files may have gone, or failed before.
constexpr std::chrono::hours k_whole_again(1);
// After so many that failed the primary is left alone for a pause.
constexpr std::size_t k_most_failed = 4;

}  // namespace

NarFiller::NarFiller(
    std::string uri, const KeptNars& kept, NarFetches& fetches, InstanceNow instance
)
    : uri_(std::move(uri)), kept_(kept), fetches_(fetches), instance_(std::move(instance)) {
    thread_ = std::thread([this] { run(); });
}

NarFiller::~NarFiller() {
    {
        const std::lock_guard lock(under_way_->mutex);
        under_way_->stopping = true;
        if (connection_) connection_->interrupt();
    }
    under_way_->changed.notify_all();
    thread_.join();
    std::vector<std::shared_ptr<NarFetch>> dropped;  // without the mutex
    const std::lock_guard lock(under_way_->mutex);
    dropped.swap(under_way_->fetches);
}

// Null where there is nothing to fetch from.
std::shared_ptr<const db::Instance> NarFiller::region() const {
    auto instance = instance_();
    const bool is_region = instance->role == db::InstanceRole::region && instance->primary_url;
    return is_region && kept_.keeps() ? instance : nullptr;
}

void NarFiller::run() {
    auto time = k_pause;
    do {
        try {
            if (region()) fill();
        } catch (const std::exception& error) {
            log_warn("event=nar_fill_failed reason={}", log_text(error.what()));
        }
        const std::lock_guard lock(under_way_->mutex);
        connection_.reset();
        time = under_way_->failed > 0 ? k_pause_after_failures : k_pause;
    } while (pause(time));
}

// First counts what isn't here, then fetches it.
void NarFiller::fill() {
    auto fresh = std::make_unique<db::Connection>(uri_, db::Session::work);
    {
        const std::lock_guard lock(under_way_->mutex);
        if (under_way_->stopping) return;
        connection_ = std::move(fresh);
        under_way_->failed = 0;
        if (const auto now = Clock::now(); now >= look_again_at_) {
            look_again_at_ = now + k_whole_again;
            filled_to_ = 0;
            under_way_->unobtainable.clear();
        }
    }
    std::int64_t newest = 0;
    std::uint64_t lacking = 0;
    walk([&](const db::PlacedNar& nar) {
        newest = std::max(newest, nar.id);
        lacking += lacks(nar) ? 1 : 0;
        return true;
    });
    {
        const std::lock_guard lock(under_way_->mutex);
        under_way_->left = lacking + under_way_->unobtainable.size();
    }
    if (lacking > 0) walk([this](const db::PlacedNar& nar) { return !lacks(nar) || fetch(nar); });
    if (!await_room(1)) return;
    const std::lock_guard lock(under_way_->mutex);
    if (under_way_->failed == 0) filled_to_ = std::max(filled_to_, newest);
}

void NarFiller::walk(const Walk& each) {
    auto before = std::numeric_limits<std::int64_t>::max();
    while (true) {
        std::vector<db::PlacedNar> nars;
        connection_->read([&](db::Tx& tx) { nars = db::list_placed_nars(tx, before, k_chunk); });
        for (const auto& nar : nars) {
            if (nar.id <= filled_to_ || !each(nar)) return;
            before = nar.id;
        }
        if (nars.size() < k_chunk) return;
    }
}

// Of those that may be obtained.
bool NarFiller::lacks(const db::PlacedNar& nar) const {
    {
        const std::lock_guard lock(under_way_->mutex);
        if (under_way_->unobtainable.contains(nar.id)) return false;
    }
    return !KeptNars::has(kept_.path_of(nar.cache, nar.url), nar.facts.size);
}

// False when no more are to be fetched now.
bool NarFiller::fetch(const db::PlacedNar& nar) {
    if (!await_room(k_at_once)) return false;
    const auto instance = region();
    if (!instance) return false;
    auto wanted = wanted_nar(*instance, kept_, nar.cache, nar.url, nar.facts);
    const auto path = wanted.path;
    auto fetch = fetches_.fetch(std::move(wanted));
    {
        const std::lock_guard lock(under_way_->mutex);
        under_way_->fetches.push_back(fetch);
    }
    // It is called once the last byte may be read, or nothing comes.
    fetch->when_past(
        std::numeric_limits<std::uint64_t>::max(),
        [all = under_way_, weak = std::weak_ptr(fetch), path, nar] {
            const auto ended = weak.lock();
            if (!ended) return;
            auto state = ended->standing().state;
            // What came as it should may still not have got its name.
            const bool is_here = KeptNars::has(path, nar.facts.size);
            if (state == NarFetch::State::kept && !is_here) state = NarFetch::State::unkept;
            const std::lock_guard lock(all->mutex);
            std::erase(all->fetches, ended);
            all->ended(nar.id, state);
            all->changed.notify_all();
        }
    );
    return true;
}

// With the mutex held.
void NarFiller::UnderWay::ended(std::int64_t nar, NarFetch::State state) {
    if (state == NarFetch::State::kept) {
        if (left > 0) --left;
    } else if (state == NarFetch::State::absent || state == NarFetch::State::refused) {
        unobtainable.insert(nar);
    } else {
        ++failed;
    }
}

// Until fewer than `most` are under way. False when it is stopping, or too many have failed.
bool NarFiller::await_room(std::size_t most) {
    std::unique_lock lock(under_way_->mutex);
    under_way_->changed.wait(lock, [&] {
        return under_way_->stopping || under_way_->fetches.size() < most;
    });
    return !under_way_->stopping && under_way_->failed < k_most_failed;
}

// False when it is stopping.
bool NarFiller::pause(std::chrono::milliseconds time) {
    std::unique_lock lock(under_way_->mutex);
    return !under_way_->changed.wait_for(lock, time, [this] { return under_way_->stopping; });
}

}  // namespace narthex::service
