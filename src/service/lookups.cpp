#include "narthex/service/lookups.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/migrate.hpp"
#include "narthex/db/narinfos.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <unordered_map>

namespace narthex::service {

namespace {

using Clock = std::chrono::steady_clock;
using Found = std::unordered_map<std::string, std::shared_ptr<LookupValue>>;

constexpr std::chrono::milliseconds k_first_pause(50);
constexpr std::chrono::milliseconds k_longest_pause(1000);

void give_up(std::vector<Lookup>& lookups) {
    for (auto& lookup : lookups) lookup.done({LookupAnswer::Status::unavailable, nullptr});
    lookups.clear();
}

std::string key_of(const HashPart& hash) {
    return {hash.bytes().begin(), hash.bytes().end()};
}

HashPart hash_of(const std::string& key) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    std::copy_n(key.begin(), bytes.size(), bytes.begin());
    return HashPart(bytes);
}

// The distinct keys of a batch.
std::vector<std::string> keys_of(const std::vector<Lookup>& batch) {
    std::vector<std::string> keys;
    keys.reserve(batch.size());
    for (const auto& lookup : batch) keys.push_back(lookup.key);
    std::ranges::sort(keys);
    const auto rest = std::ranges::unique(keys);
    keys.erase(rest.begin(), rest.end());
    return keys;
}

Found find_narinfos(db::Tx& tx, int cache, const std::vector<std::string>& keys) {
    std::vector<HashPart> hashes;
    hashes.reserve(keys.size());
    for (const auto& key : keys) hashes.push_back(hash_of(key));
    Found found;
    for (auto& row : db::find_narinfos(tx, cache, hashes)) {
        auto value = std::make_shared<LookupValue>();
        value->text = std::move(row.text);
        found.emplace(key_of(row.hash), std::move(value));
    }
    return found;
}

Found find_nar_files(db::Tx& tx, int cache, const std::vector<std::string>& keys) {
    Found found;
    for (auto& row : db::find_nar_files(tx, cache, keys)) {
        auto& value = found.try_emplace(row.url, nullptr).first->second;
        if (!value) value = std::make_shared<LookupValue>();
        value->files.push_back(std::move(row.file));
    }
    return found;
}

}  // namespace

struct Lookups::Worker {
    std::unique_ptr<db::Connection> connection;  // used by the thread, replaced under the mutex
    std::thread thread;
};

Lookups::Lookups(LookupOptions options) : options_(std::move(options)) {
    for (std::size_t i = 0; i < options_.connections; ++i) {
        auto& worker = *workers_.emplace_back(std::make_unique<Worker>());
        worker.thread = std::thread([this, &worker] { run(worker); });
    }
}

Lookups::~Lookups() {
    auto left = close_queue();
    wake_.notify_all();
    stop_.notify_all();
    give_up(left);
    for (auto& worker : workers_) worker->thread.join();
}

std::vector<Lookup> Lookups::close_queue() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& worker : workers_) {
        if (worker->connection) worker->connection->interrupt();
    }
    std::vector<Lookup> left(
        std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end())
    );
    queue_.clear();
    return left;
}

void Lookups::submit(Lookup lookup) {
    const auto now = Clock::now();
    {
        const std::lock_guard lock(mutex_);
        // All threads wait for an answer for longer than this one may: the database hangs.
        const bool stuck = !queue_.empty() && now - queue_since_ > lookup.deadline - now;
        if (!stopping_ && !away_ && !stuck && queue_.size() < options_.largest_queue) {
            if (queue_.empty()) queue_since_ = now;
            queue_.push_back(std::move(lookup));
            wake_.notify_one();
            return;
        }
    }
    lookup.done({LookupAnswer::Status::unavailable, nullptr});
}

bool Lookups::available() const {
    const std::lock_guard lock(mutex_);
    return connected_ > 0;
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
            if (!batch.empty()) answer(worker, batch);
        }
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
    }
}

// True when `worker` has a connection to a database with our schema.
bool Lookups::connect(Worker& worker) {
    if (stopping()) return false;
    std::unique_ptr<db::Connection> fresh;
    std::string reason;
    try {
        fresh = std::make_unique<db::Connection>(options_.uri, db::Session::serving);
        db::require_current_schema(*fresh);
    } catch (const db::SchemaMismatch& error) {
        if (options_.schema_mismatch) options_.schema_mismatch(error.what());
        reason = error.what();
    } catch (const std::exception& error) {
        reason = error.what();
    }
    std::vector<Lookup> left;
    {
        const std::lock_guard lock(mutex_);
        if (reason.empty()) {
            if (connected_++ == 0) spdlog::info("event=database_connected");
            away_ = false;
            worker.connection = std::move(fresh);
            return true;
        }
        if (connected_ > 0 || stopping_) return false;
        if (!away_) spdlog::warn("event=database_away reason={}", log_text(reason));
        away_ = true;
        std::move(queue_.begin(), queue_.end(), std::back_inserter(left));
        queue_.clear();
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

// Waits for lookups and takes those of one kind and cache, from the front. Empty when stopping or
// when all it took were too late.
std::vector<Lookup> Lookups::next_batch() {
    std::vector<Lookup> batch;
    std::vector<Lookup> late;
    {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        const auto now = Clock::now();
        queue_since_ = now;
        while (!queue_.empty() && batch.size() < options_.largest_batch) {
            auto& front = queue_.front();
            const bool fits =
                batch.empty() || (front.kind == batch[0].kind && front.cache == batch[0].cache);
            if (!fits) break;
            auto& taken = front.deadline < now ? late : batch;
            taken.push_back(std::move(front));
            queue_.pop_front();
        }
    }
    give_up(late);
    return batch;
}

void Lookups::answer(Worker& worker, std::vector<Lookup>& batch) {
    auto found = ask(worker, batch);
    // A connection that broke while nobody used it is noticed only now: the batch gets a second try
    // on a fresh one, so that a PostgreSQL that was restarted costs no client an answer.
    if (!found && connect(worker)) found = ask(worker, batch);
    if (!found) return give_up(batch);
    for (auto& lookup : batch) {
        const auto it = found->find(lookup.key);
        if (it == found->end()) {
            lookup.done({LookupAnswer::Status::absent, nullptr});
        } else {
            lookup.done({LookupAnswer::Status::found, it->second});
        }
    }
}

// Absent when the database failed; `worker` has no connection then.
std::optional<Lookups::Found> Lookups::ask(Worker& worker, const std::vector<Lookup>& batch) {
    const auto keys = keys_of(batch);
    const int cache = batch[0].cache;
    Found found;
    try {
        worker.connection->read([&](db::Tx& tx) {
            found = batch[0].kind == LookupKind::narinfo ? find_narinfos(tx, cache, keys)
                                                         : find_nar_files(tx, cache, keys);
        });
        return found;
    } catch (const std::exception& error) {
        spdlog::warn("event=lookup_failed reason={}", log_text(error.what()));
    }
    // Whatever it was, a fresh connection is the safe way on.
    const std::lock_guard lock(mutex_);
    worker.connection.reset();
    --connected_;
    return std::nullopt;
}

}  // namespace narthex::service
