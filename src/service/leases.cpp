#include "narthex/service/leases.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>
#include <utility>

namespace narthex::service {

namespace {

using db::Presence;
using Status = LookupAnswer::Status;

// Paths in one transaction, unless a task has more: it takes some milliseconds.
constexpr std::size_t k_batch = 1000;

void answer_all(std::vector<Lookup>& lookups, Status status) {
    std::vector<Answered> answers;
    answers.reserve(lookups.size());
    for (auto& lookup : lookups) answers.push_back({std::move(lookup), {status, nullptr, {}}});
    lookups.clear();
    deliver(std::move(answers));
}

}  // namespace

Leases::Leases(LeaseOptions options) : options_(std::move(options)), thread_([this] { run(); }) {}

Leases::~Leases() {
    stop();
}

void Leases::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        stopping_ = true;
        if (connection_) connection_->interrupt();
    }
    wake_.notify_all();
    for (const auto& task : take_all()) task.fail();
    thread_.join();
}

bool Leases::holds(const PathKey& key) const {
    const std::lock_guard lock(held_mutex_);
    const auto at = held_.find(key);
    return at != held_.end() && Clock::now() < at->second;
}

Leases::Figures Leases::figures() const {
    const std::lock_guard lock(held_mutex_);
    return {leased_, held_.size()};
}

void Leases::submit(LeaseTask task) {
    if (std::ranges::all_of(task.keys, [this](const PathKey& key) { return holds(key); })) {
        return task.done(std::vector(task.keys.size(), Presence::served));
    }
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_) {
            tasks_.push_back(std::move(task));
            wake_.notify_one();
            return;
        }
    }
    task.fail();
}

void Leases::submit(std::vector<Lookup>& lookups) {
    if (lookups.empty()) return;
    const auto shared = std::make_shared<std::vector<Lookup>>(std::move(lookups));
    lookups.clear();
    LeaseTask task;
    task.deadline = shared->front().deadline;
    for (const auto& lookup : *shared) task.keys.push_back(std::get<PathKey>(lookup.key));
    task.fail = [shared] { answer_all(*shared, Status::unavailable); };
    task.done = [this, shared](const std::vector<Presence>& presence) {
        std::vector<Lookup> served;
        std::vector<Lookup> absent;
        std::vector<Lookup> hidden;
        for (std::size_t i = 0; i < shared->size(); ++i) {
            auto& part = presence[i] == Presence::served   ? served
                         : presence[i] == Presence::absent ? absent
                                                           : hidden;
            part.push_back(std::move((*shared)[i]));
        }
        answer_all(absent, Status::absent);
        answer_all(hidden, Status::hidden);
        if (!served.empty()) options_.look_up(served);
    };
    submit(std::move(task));
}

void Leases::run() {
    for (auto tasks = next_tasks(); !tasks.empty(); tasks = next_tasks()) do_tasks(tasks);
}

// Waits for some. Empty when stopping.
std::vector<LeaseTask> Leases::next_tasks() {
    std::vector<LeaseTask> tasks;
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (stopping_) return tasks;
    std::size_t keys = 0;
    while (!tasks_.empty() && (tasks.empty() || keys + tasks_.front().keys.size() <= k_batch)) {
        keys += tasks_.front().keys.size();
        tasks.push_back(std::move(tasks_.front()));
        tasks_.pop_front();
    }
    return tasks;
}

void Leases::do_tasks(const std::vector<LeaseTask>& tasks) {
    const auto now = Clock::now();
    Told told;
    for (const auto& task : tasks) {
        if (task.deadline < now) continue;
        for (const auto& key : task.keys) told.try_emplace(key, Presence::absent);
    }
    const bool leased = told.empty() || lease(told);
    // Whoever waits behind them would only wait to learn the same; not who comes once they are
    // told.
    const auto behind = leased ? std::deque<LeaseTask>() : take_all();
    for (const auto& task : tasks) {
        if (!leased || task.deadline < now) {
            task.fail();
            continue;
        }
        std::vector<Presence> presence;
        presence.reserve(task.keys.size());
        for (const auto& key : task.keys) presence.push_back(told.at(key));
        task.done(presence);
    }
    for (const auto& task : behind) task.fail();
}

// Leases the keys of `told` and says what they are. A connection that broke while nobody used it is
// noticed only now, and leasing twice is harmless: hence the second try.
bool Leases::lease(Told& told) {
    const auto now = Clock::now();
    if (!try_lease(told) && !try_lease(told)) return false;
    hold(told, now + std::chrono::minutes(options_.duration) / 2);
    return true;
}

bool Leases::try_lease(Told& told) {
    std::vector<PathKey> keys;
    for (const auto& [key, presence] : told) keys.push_back(key);
    std::vector<Presence> presence;
    try {
        if (!connection_) connect();
        connection_->write([&](db::Tx& tx) {
            presence = db::lease_paths(tx, keys, options_.duration);
        });
    } catch (const std::exception& error) {
        if (!std::exchange(away_, true)) {
            log_warn("event=lease_failed reason={}", log_text(error.what()));
        }
        disconnect();
        if (options_.revive) options_.revive();
        return false;
    }
    away_ = false;
    for (std::size_t i = 0; i < keys.size(); ++i) told[keys[i]] = presence[i];
    return true;
}

void Leases::connect() {
    auto fresh = std::make_unique<db::Connection>(options_.uri, db::Session::publishing);
    const std::lock_guard lock(mutex_);
    connection_ = std::move(fresh);
    if (stopping_) connection_->interrupt();
}

void Leases::disconnect() {
    const std::lock_guard lock(mutex_);
    connection_.reset();
}

void Leases::hold(const Told& told, Clock::time_point until) {
    const std::lock_guard lock(held_mutex_);
    if (held_.size() + told.size() > options_.most) {
        const auto now = Clock::now();
        std::erase_if(held_, [now](const auto& each) { return each.second <= now; });
    }
    for (const auto& [key, presence] : told) {
        if (presence != Presence::served) continue;
        ++leased_;
        // What isn't remembered is leased again when it is asked for again.
        if (held_.size() < options_.most) held_.insert_or_assign(key, until);
    }
}

std::deque<LeaseTask> Leases::take_all() {
    const std::lock_guard lock(mutex_);
    return std::exchange(tasks_, {});
}

}  // namespace narthex::service
