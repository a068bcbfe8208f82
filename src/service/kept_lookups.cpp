#include "narthex/service/kept_lookups.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace narthex::service {

namespace {

using Status = LookupAnswer::Status;

constexpr std::size_t k_largest_batch = 64;
// Each may have a thousand references, whose NARs are looked for on a disk that may be slow.
constexpr std::size_t k_looked_for_at_once = 4;

bool is_miss(const Answered& each) {
    const auto status = each.answer.status;
    return (status == Status::absent || status == Status::hidden) && !each.lookup.publisher;
}

bool is_kept(const Answered& each) {
    return each.answer.narinfo != nullptr || !each.answer.files.empty();
}

template <class Key>
std::vector<Key> keys_of(const std::vector<Answered*>& answers) {
    std::vector<Key> keys;
    keys.reserve(answers.size());
    for (const auto* each : answers) keys.push_back(std::get<Key>(each->lookup.key));
    return keys;
}

}  // namespace

KeptLookups::KeptLookups(
    KeptLookupOptions options, InstanceNow instance, const Catalog& catalog, const KeptNars& nars
)
    : options_(std::move(options)), instance_(std::move(instance)), catalog_(catalog), nars_(nars) {
    thread_ = std::thread([this] { run(); });
}

KeptLookups::~KeptLookups() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (connection_) connection_->interrupt();
    }
    wake_.notify_all();
    thread_.join();
}

void KeptLookups::take(std::vector<Answered>& answers, bool absences_count) {
    if (std::ranges::none_of(answers, is_miss) || !may_keep_purged(*instance_())) return;
    const auto misses = std::stable_partition(answers.begin(), answers.end(), [](const auto& each) {
        return !is_miss(each);
    });
    std::vector<Lookup> refused;
    {
        const std::lock_guard lock(mutex_);
        for (auto at = misses; at != answers.end(); ++at) {
            if (stopping_ || waiting_.size() >= options_.largest_queue) {
                refused.push_back(std::move(at->lookup));
            } else {
                waiting_.push_back({std::move(*at), absences_count});
            }
        }
    }
    wake_.notify_one();
    answers.erase(misses, answers.end());
    if (!refused.empty()) give_up(refused);
}

void KeptLookups::run() {
    for (auto batch = next_batch(); !batch.empty(); batch = next_batch()) work(std::move(batch));
    std::deque<Waiting> left;
    {
        const std::lock_guard lock(mutex_);
        left.swap(waiting_);
    }
    lose(Batch(std::make_move_iterator(left.begin()), std::make_move_iterator(left.end())));
}

// Waits for some. Empty when stopping.
KeptLookups::Batch KeptLookups::next_batch() {
    Batch batch;
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return batch;
    const auto count = std::min(waiting_.size(), k_largest_batch);
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    std::move(waiting_.begin(), end, std::back_inserter(batch));
    waiting_.erase(waiting_.begin(), end);
    return batch;
}

// A 404 is said only when the database has said so: what it can't be asked is `unavailable`.
void KeptLookups::work(Batch batch) {
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(batch, [](const Waiting& each) { return each.answered.lookup.client.expired(); });
    const auto late = std::stable_partition(batch.begin(), batch.end(), [now](const auto& each) {
        return each.answered.lookup.deadline >= now;
    });
    lose(Batch(std::make_move_iterator(late), std::make_move_iterator(batch.end())));
    batch.erase(late, batch.end());
    if (batch.empty()) return;
    std::vector<bool> known;
    if (!ask([&](db::Tx& tx) { known = find_known(tx, batch); })) return lose(std::move(batch));
    look_for(pass_on_unknown(std::move(batch), known));
}

void KeptLookups::lose(Batch batch) {
    std::vector<Lookup> lost;
    lost.reserve(batch.size());
    for (auto& each : batch) lost.push_back(std::move(each.answered.lookup));
    give_up(lost);
}

// Which of them this region may have, as the database alone can tell.
std::vector<bool> KeptLookups::find_known(db::Tx& tx, const Batch& batch) {
    std::vector<PathKey> paths;
    std::vector<db::NarKey> nars;
    for (const auto& each : batch) {
        const auto& key = each.answered.lookup.key;
        if (const auto* path = std::get_if<PathKey>(&key)) paths.push_back(*path);
        if (const auto* nar = std::get_if<NarKey>(&key)) nars.push_back(*nar);
    }
    const auto paths_known = may_be_kept(tx, paths, options_.days);
    const auto nars_known = may_be_kept(tx, *catalog_.caches(), nars, options_.days);
    auto path = paths_known.begin();
    auto nar = nars_known.begin();
    std::vector<bool> known;
    for (const auto& each : batch) {
        const bool is_path = std::holds_alternative<PathKey>(each.answered.lookup.key);
        known.push_back(is_path ? *path++ : *nar++);
    }
    return known;
}

// They needn't wait for any disk. Returns the others.
KeptLookups::Batch KeptLookups::pass_on_unknown(Batch batch, const std::vector<bool>& known) {
    Batch others;
    Batch unknown;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        (known[i] ? others : unknown).push_back(std::move(batch[i]));
    }
    pass_on(std::move(unknown));
    return others;
}

void KeptLookups::look_for(Batch batch) {
    for (auto at = batch.begin(); at != batch.end();) {
        const auto count = std::min<std::ptrdiff_t>(batch.end() - at, k_looked_for_at_once);
        Batch some(std::make_move_iterator(at), std::make_move_iterator(at + count));
        at += count;
        const bool looked = ask([&](db::Tx& tx) { look_up(tx, some); });
        looked ? pass_on(std::move(some)) : lose(std::move(some));
    }
}

// A connection that broke while nobody used it is noticed only now: hence the second try.
bool KeptLookups::ask(const std::function<void(db::Tx&)>& job) {
    return try_to_ask(job) || try_to_ask(job);
}

bool KeptLookups::try_to_ask(const std::function<void(db::Tx&)>& job) {
    try {
        if (!connection_) connect();
        connection_->read(job);
        return true;
    } catch (const std::exception& error) {
        if (log_.may_log()) {
            log_warn("event=kept_lookup_failed reason={}", log_text(error.what()));
        }
    }
    const std::lock_guard lock(mutex_);
    connection_.reset();
    return false;
}

void KeptLookups::connect() {
    auto fresh = std::make_unique<db::Connection>(options_.uri, db::Session::serving);
    const std::lock_guard lock(mutex_);
    connection_ = std::move(fresh);
    if (stopping_) connection_->interrupt();
}

void KeptLookups::look_up(db::Tx& tx, Batch& batch) {
    const auto caches = catalog_.caches();
    look_up_narinfos(tx, batch, *caches);
    look_up_nars(tx, batch, *caches);
}

void KeptLookups::look_up_narinfos(db::Tx& tx, Batch& batch, const std::vector<Cache>& caches) {
    std::vector<Answered*> asked;
    for (auto& each : batch) {
        if (std::holds_alternative<PathKey>(each.answered.lookup.key))
            asked.push_back(&each.answered);
    }
    if (asked.empty()) return;
    auto found = find_kept_paths(tx, caches, nars_, keys_of<PathKey>(asked), options_.days);
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (found[i].standing == KeptPath::Standing::unknown) continue;
        auto& answer = asked[i]->answer;
        // It ends, or begins, without a change in the database that anybody hears of.
        answer.lasting = false;
        if (found[i].standing == KeptPath::Standing::incomplete) continue;
        answer.status = Status::hidden;
        answer.narinfo = options_.render(std::move(found[i]));
    }
}

void KeptLookups::look_up_nars(db::Tx& tx, Batch& batch, const std::vector<Cache>& caches) {
    std::vector<Answered*> asked;
    for (auto& each : batch) {
        if (std::holds_alternative<NarKey>(each.answered.lookup.key))
            asked.push_back(&each.answered);
    }
    if (asked.empty()) return;
    auto files = find_kept_files(tx, caches, nars_, keys_of<NarKey>(asked), options_.days);
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (files[i].empty()) continue;
        auto& answer = asked[i]->answer;
        answer.status = Status::found;
        answer.files = {std::move(files[i])};
        answer.facts = std::make_shared<const db::NarFacts>();
    }
}

void KeptLookups::pass_on(Batch batch) {
    std::vector<Answered> kept;
    std::vector<Answered> others;  // whose absence counts
    std::vector<Answered> in_doubt;
    for (auto& each : batch) {
        auto& answered = each.answered;
        if (is_kept(answered)) {
            ++(answered.answer.narinfo ? narinfos_ : found_nars_);
            kept.push_back(std::move(answered));
        } else {
            (each.absences_count ? others : in_doubt).push_back(std::move(answered));
        }
    }
    deliver(std::move(kept));
    for (auto* list : {&others, &in_doubt}) {
        if (list->empty()) continue;
        options_.next(*list, list == &others);
        deliver(std::move(*list));
    }
}

KeptLookups::Figures KeptLookups::figures() const {
    return {narinfos_, found_nars_};
}

}  // namespace narthex::service
