#include "narthex/service/lookups.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/migrate.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace narthex::service {

namespace {

using Clock = std::chrono::steady_clock;
using Status = LookupAnswer::Status;

constexpr std::chrono::milliseconds k_first_pause(50);
constexpr std::chrono::milliseconds k_longest_pause(1000);
// Longer than a batch takes, and short to whoever waits: from then on the statement that is under
// way is taken to be slow.
constexpr std::chrono::milliseconds k_patience(2);

// The distinct keys of a batch, and which of them each lookup has.
template <class Key>
struct Keys {
    explicit Keys(const std::vector<Lookup>& batch) {
        std::unordered_map<Key, std::size_t> seen(batch.size());
        for (const auto& lookup : batch) {
            const auto& key = std::get<Key>(lookup.key);
            const auto [at, fresh] = seen.try_emplace(key, distinct.size());
            if (fresh) distinct.push_back(key);
            of.push_back(at->second);
        }
    }
    std::vector<Key> distinct;
    std::vector<std::size_t> of;
};

std::vector<LookupAnswer> spread(
    const std::vector<LookupAnswer>& answers, const std::vector<std::size_t>& of
) {
    std::vector<LookupAnswer> out;
    out.reserve(of.size());
    for (const auto which : of) out.push_back(answers[which]);
    return out;
}

std::vector<LookupAnswer> ask_nar_files(
    db::LookupConnection& connection, const std::vector<Lookup>& batch
) {
    const Keys<NarKey> keys(batch);
    std::vector<LookupAnswer> answers(keys.distinct.size(), {Status::absent, nullptr, {}});
    for (auto& row : connection.find_nar_files(keys.distinct)) {
        auto& answer = answers[row.asked];
        answer.status = Status::found;
        if (!row.is_url) {
            answer.files.push_back(std::move(row.file));
            if (!answer.facts) answer.facts = std::make_shared<const db::NarFacts>(row.facts);
        } else if (answer.redirect.empty()) {
            answer.redirect = std::move(row.file);
        }
    }
    return spread(answers, keys.of);
}

bool is_miss(const LookupAnswer& answer) {
    return answer.status == Status::absent || answer.status == Status::hidden;
}

// Asked after the misses: what is the primary now was it then, too.
void confirm_misses(db::LookupConnection& connection, std::vector<LookupAnswer>& answers) {
    if (std::ranges::none_of(answers, is_miss) || connection.is_primary()) return;
    for (auto& answer : answers) {
        if (is_miss(answer)) answer.status = Status::unavailable;
    }
}

}  // namespace

void deliver(std::vector<Answered> answers) {
    std::map<LookupReceiver*, std::vector<Answered>> parts;
    for (auto& each : answers) parts[each.lookup.receiver].push_back(std::move(each));
    for (auto& [receiver, part] : parts) receiver->answered(std::move(part));
}

void give_up(std::vector<Lookup>& lookups) {
    std::vector<Answered> answers;
    answers.reserve(lookups.size());
    for (auto& lookup : lookups) {
        answers.push_back({std::move(lookup), {Status::unavailable, nullptr, {}}});
    }
    lookups.clear();
    deliver(std::move(answers));
}

struct Lookups::Worker {
    std::unique_ptr<db::LookupConnection>
        connection;  // used by the thread, replaced under the mutex
    bool connected_before = false;
    std::thread thread;
};

Lookups::Lookups(LookupOptions options) : options_(std::move(options)) {
    for (std::size_t i = 0; i < options_.connections; ++i) {
        auto& worker = *workers_.emplace_back(std::make_unique<Worker>());
        worker.thread = std::thread([this, &worker] { run(worker); });
    }
}

Lookups::~Lookups() {
    stop();
    for (auto& worker : workers_) worker->thread.join();
}

void Lookups::stop() {
    auto left = close_queues();
    wake_.notify_all();
    stop_.notify_all();
    give_up(left);
}

Lookups::Batch Lookups::close_queues() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& worker : workers_) {
        if (worker->connection) worker->connection->interrupt();
    }
    return empty_queues();
}

Lookups::Batch Lookups::empty_queues() {
    Batch left;
    for (auto* queue : {&narinfos_, &nars_}) {
        std::move(queue->begin(), queue->end(), std::back_inserter(left));
        queue->clear();
    }
    return left;
}

void Lookups::submit(std::vector<Lookup>& lookups) {
    const auto now = Clock::now();
    Batch refused;
    {
        const std::lock_guard lock(mutex_);
        const bool closed = stopping_ || away_;
        for (auto& lookup : lookups) {
            // All threads wait for an answer for longer than this one may: the database hangs.
            const bool stuck = queued() > 0 && now - queue_since_ > lookup.deadline - now;
            if (closed || stuck || queued() >= options_.largest_queue) {
                refused.push_back(std::move(lookup));
                continue;
            }
            if (queued() == 0) queue_since_ = now;
            auto& queue = std::holds_alternative<PathKey>(lookup.key) ? narinfos_ : nars_;
            queue.push_back(std::move(lookup));
        }
        wake_one();
    }
    lookups.clear();
    if (!refused.empty()) give_up(refused);
}

bool Lookups::available() const {
    const std::lock_guard lock(mutex_);
    return connected_ > 0;
}

Lookups::Figures Lookups::figures() const {
    const std::lock_guard lock(mutex_);
    return {queued(), connected_, failures_, reconnects_};
}

void Lookups::run(Worker& worker) {
    auto time = k_first_pause;
    while (true) {
        if (!worker.connection && !connect(worker)) {
            if (options_.revive) options_.revive();
            pause(time);
            time = std::min(time * 2, k_longest_pause);
        } else {
            time = k_first_pause;
            auto batch = next_batch();
            if (!batch.empty()) {
                answer(worker, batch);
                const std::lock_guard lock(mutex_);
                --busy_;
            }
        }
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
    }
}

// True when `worker` has a connection to a database with our schema.
bool Lookups::connect(Worker& worker) {
    if (stopping()) return false;
    std::unique_ptr<db::LookupConnection> fresh;
    std::string reason;
    try {
        using Schema = db::LookupConnection::Schema;
        fresh = std::make_unique<db::LookupConnection>(
            options_.uri, options_.statement_limit, options_.of_primary ? Schema::any : Schema::ours
        );
    } catch (const db::SchemaMismatch& error) {
        if (options_.schema_mismatch) options_.schema_mismatch(error.what());
        reason = error.what();
    } catch (const std::exception& error) {
        reason = error.what();
    }
    Batch left;
    {
        const std::lock_guard lock(mutex_);
        if (reason.empty()) {
            if (connected_++ == 0) log_info("event={}_connected", options_.name);
            if (worker.connected_before) ++reconnects_;
            worker.connected_before = true;
            away_ = false;
            worker.connection = std::move(fresh);
            return true;
        }
        if (connected_ > 0 || stopping_) return false;
        if (!away_) log_warn("event={}_away reason={}", options_.name, log_text(reason));
        away_ = true;
        left = empty_queues();
    }
    give_up(left);
    return false;
}

bool Lookups::stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void Lookups::pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    stop_.wait_for(lock, time, [this] { return stopping_; });
}

// Whether a thread that is free does well to take what is queued. While another waits for its
// answer, a batch of a few costs more than to wait, too: each is a statement of its own.
bool Lookups::has_turn() const {
    if (stopping_) return true;
    if (queued() == 0) return false;
    return busy_ == 0 || queued() >= options_.largest_batch / 2 ||
           Clock::now() - queue_since_ >= k_patience;
}

void Lookups::wait_for_turn(std::unique_lock<std::mutex>& lock) {
    while (!has_turn()) {
        if (queued() == 0 || watched_) {
            wake_.wait(lock);
            continue;
        }
        watched_ = true;
        wake_.wait_until(lock, queue_since_ + k_patience);
        watched_ = false;
    }
}

// One thread is enough: it wakes the next when it leaves something.
void Lookups::wake_one() {
    if (queued() > 0 && (has_turn() || !watched_)) wake_.notify_one();
}

// Waits for lookups and takes those of one kind, from the front. Empty when stopping or when nobody
// wants to know any more what it took.
Lookups::Batch Lookups::next_batch() {
    Batch batch;
    Batch late;
    {
        std::unique_lock lock(mutex_);
        wait_for_turn(lock);
        queue_since_ = Clock::now();
        const bool nars = narinfos_.empty() || (nars_next_ && !nars_.empty());
        nars_next_ = !nars;
        take_batch(nars ? nars_ : narinfos_, batch, late);
        if (!batch.empty()) ++busy_;
        wake_one();
    }
    if (!late.empty()) give_up(late);
    return batch;
}

void Lookups::take_batch(std::deque<Lookup>& queue, Batch& batch, Batch& late) const {
    const auto now = Clock::now();
    batch.reserve(std::min(queue.size(), options_.largest_batch));
    while (!queue.empty() && batch.size() < options_.largest_batch) {
        auto& front = queue.front();
        if (!front.client.expired()) {
            auto& taken = front.deadline < now ? late : batch;
            taken.push_back(std::move(front));
        }
        queue.pop_front();
    }
}

void Lookups::answer(Worker& worker, Batch& batch) {
    const bool absences_count = options_.absences_count();
    auto found = ask(worker, batch);
    // A connection that broke while nobody used it is noticed only now: the batch gets a second try
    // on a fresh one, so that a PostgreSQL that was restarted costs no client an answer.
    if (!found && connect(worker)) found = ask(worker, batch);
    if (!found) return give_up(batch);
    std::vector<Answered> answers;
    answers.reserve(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
        answers.push_back({std::move(batch[i]), std::move((*found)[i])});
    }
    options_.pull(answers, absences_count);
    deliver(std::move(answers));
}

// An answer for each lookup. Absent when the database failed; `worker` has no connection then.
std::optional<std::vector<LookupAnswer>> Lookups::ask(Worker& worker, const Batch& batch) {
    options_.batch_sent(batch.size());
    try {
        const bool narinfos = std::holds_alternative<PathKey>(batch[0].key);
        auto answers =
            narinfos ? ask_narinfos(worker, batch) : ask_nar_files(*worker.connection, batch);
        if (options_.of_primary) confirm_misses(*worker.connection, answers);
        return answers;
    } catch (const std::exception& error) {
        log_warn("event=lookup_failed reason={}", log_text(error.what()));
    }
    // Whatever it was, a fresh connection is the safe way on.
    const std::lock_guard lock(mutex_);
    worker.connection.reset();
    --connected_;
    ++failures_;
    return std::nullopt;
}

std::vector<LookupAnswer> Lookups::ask_narinfos(Worker& worker, const Batch& batch) const {
    const Keys<PathKey> keys(batch);
    std::vector<LookupAnswer> answers(keys.distinct.size(), {Status::absent, nullptr, {}});
    auto found = worker.connection->find_narinfos(keys.distinct);
    for (const auto& row : found.hidden) {
        answers[row.asked].status = Status::hidden;
        answers[row.asked].batches = row.batches;
    }
    for (auto& row : found.served) {
        auto& answer = answers[row.asked];
        answer.batches = row.batches;
        answer.status = Status::found;
        answer.narinfo = options_.render(std::move(row));
    }
    return spread(answers, keys.of);
}

}  // namespace narthex::service
