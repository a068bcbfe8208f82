#include "narthex/service/bulk.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

namespace narthex::service {

namespace {
// What a request holds beside its bytes: its place in queues, its connection's buffers.
constexpr std::size_t k_request_bytes = 64 * 1024;
}  // namespace

bool BulkShare::grow(std::size_t bytes) {
    if (used_->fetch_add(bytes) + bytes > most_) {
        *used_ -= bytes;
        return false;
    }
    bytes_ += bytes;
    return true;
}

std::shared_ptr<BulkShare> BulkRoom::enter(std::size_t bytes) const {
    const std::shared_ptr<BulkShare> share(new BulkShare(used_, bytes_));
    return share->grow(k_request_bytes + bytes) ? share : nullptr;
}

struct BulkLookups::Worker {
    // Made when there is work; used by the thread, replaced under the mutex.
    std::unique_ptr<db::LookupConnection> connection;
    std::thread thread;
};

BulkLookups::BulkLookups(BulkOptions options) : options_(std::move(options)) {
    for (std::size_t i = 0; i < options_.connections; ++i) {
        auto& worker = *workers_.emplace_back(std::make_unique<Worker>());
        worker.thread = std::thread([this, &worker] { run(worker); });
    }
}

BulkLookups::~BulkLookups() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        for (auto& worker : workers_) {
            if (worker->connection) worker->connection->interrupt();
        }
    }
    wake_.notify_all();
    fail_all();
    for (auto& worker : workers_) worker->thread.join();
}

void BulkLookups::submit(BulkTask task) {
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

void BulkLookups::run(Worker& worker) {
    BulkTask task;
    while (next_task(task)) {
        do_task(worker, task);
        task = {};
    }
}

// Waits for one. False when stopping.
bool BulkLookups::next_task(BulkTask& task) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (stopping_) return false;
    task = std::move(tasks_.front());
    tasks_.pop_front();
    return true;
}

void BulkLookups::do_task(Worker& worker, const BulkTask& task) {
    if (task.client.expired()) return;
    if (task.deadline < std::chrono::steady_clock::now()) return task.fail();
    // A connection that broke while nobody used it is noticed only now: hence the second try.
    if (try_task(worker, task) || try_task(worker, task)) return;
    task.fail();
    // Whoever waits behind it would only wait to learn the same.
    fail_all();
}

// False when the task is to be tried again.
bool BulkLookups::try_task(Worker& worker, const BulkTask& task) {
    if (!worker.connection && !connect(worker)) return false;
    try {
        task.run(*worker.connection);
        return true;
    } catch (const db::Unavailable& error) {
        log_warn("event=bulk_lookup_failed reason={}", log_text(error.what()));
        disconnect(worker);
        return false;
    } catch (const std::exception& error) {
        log_warn("event=bulk_lookup_failed reason={}", log_text(error.what()));
        disconnect(worker);
    }
    task.fail();
    return true;
}

bool BulkLookups::connect(Worker& worker) {
    std::unique_ptr<db::LookupConnection> fresh;
    try {
        fresh = std::make_unique<db::LookupConnection>(options_.uri, options_.statement_limit);
    } catch (const std::exception& error) {
        if (!away_.exchange(true)) {
            log_warn("event=bulk_database_away reason={}", log_text(error.what()));
        }
        if (options_.revive) options_.revive();
        return false;
    }
    away_ = false;
    const std::lock_guard lock(mutex_);
    worker.connection = std::move(fresh);
    return !stopping_;
}

void BulkLookups::disconnect(Worker& worker) {
    const std::lock_guard lock(mutex_);
    worker.connection.reset();
}

void BulkLookups::fail_all() {
    std::deque<BulkTask> left;
    {
        const std::lock_guard lock(mutex_);
        left.swap(tasks_);
    }
    for (const auto& task : left) task.fail();
}

}  // namespace narthex::service
