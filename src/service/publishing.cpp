#include "narthex/service/publishing.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

#include <optional>

namespace narthex::service {

namespace {

constexpr std::chrono::milliseconds k_pause(200);
constexpr std::string_view k_disk_full = "53100";

}  // namespace

struct Publishing::Worker {
    // Made when there is work; used by the thread, replaced under the mutex.
    std::unique_ptr<db::Connection> connection;
    std::thread thread;
};

Publishing::Publishing(PublishingOptions options) : options_(std::move(options)) {
    for (std::size_t i = 0; i < options_.connections; ++i) {
        auto& worker = *workers_.emplace_back(std::make_unique<Worker>());
        worker.thread = std::thread([this, &worker] { run(worker); });
    }
}

Publishing::~Publishing() {
    std::deque<PublishTask> left;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        left.swap(tasks_);
        for (auto& worker : workers_) {
            if (worker->connection) worker->connection->interrupt();
        }
    }
    wake_.notify_all();
    stop_.notify_all();
    for (const auto& task : left) task.fail(PublishFault::away, {});
    for (auto& worker : workers_) worker->thread.join();
}

void Publishing::submit(PublishTask task) {
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_) {
            tasks_.push_back(std::move(task));
            wake_.notify_one();
            return;
        }
    }
    task.fail(PublishFault::away, {});
}

void Publishing::run(Worker& worker) {
    PublishTask task;
    while (next_task(task)) {
        do_task(worker, task);
        task = {};
    }
}

// Waits for one. False when stopping.
bool Publishing::next_task(PublishTask& task) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    if (stopping_) return false;
    task = std::move(tasks_.front());
    tasks_.pop_front();
    return true;
}

void Publishing::do_task(Worker& worker, const PublishTask& task) {
    auto fault = PublishFault::away;
    do {
        try {
            return try_task(worker, task);
        } catch (const db::Unavailable& error) {
            log_warn("event=publish_retried reason={}", log_text(error.what()));
            if (options_.revive) options_.revive();
        } catch (const db::InDoubt& error) {
            // Doing it again tells: what was committed is found.
            fault = PublishFault::in_doubt;
            log_warn("event=publish_in_doubt reason={}", log_text(error.what()));
        } catch (const db::NotPrimary& error) {
            return task.fail(PublishFault::elsewhere, error.what());
        } catch (const db::QueryFailed& error) {
            log_error("event=publish_failed reason={}", log_text(error.what()));
            disconnect(worker);
            const bool full = error.sqlstate() == k_disk_full;
            return task.fail(full ? PublishFault::full : PublishFault::failed, {});
        } catch (const std::exception& error) {
            log_error("event=publish_failed reason={}", log_text(error.what()));
            disconnect(worker);
            return task.fail(PublishFault::failed, {});
        }
        disconnect(worker);
    } while (std::chrono::steady_clock::now() + k_pause < task.deadline && pause());
    task.fail(fault, {});
}

void Publishing::try_task(Worker& worker, const PublishTask& task) {
    if (!worker.connection) connect(worker);
    task.run(*worker.connection);
}

void Publishing::connect(Worker& worker) {
    auto fresh = std::make_unique<db::Connection>(options_.uri, db::Session::publishing);
    const std::lock_guard lock(mutex_);
    worker.connection = std::move(fresh);
    if (stopping_) worker.connection->interrupt();
}

void Publishing::disconnect(Worker& worker) {
    const std::lock_guard lock(mutex_);
    worker.connection.reset();
}

// False when stopping.
bool Publishing::pause() {
    std::unique_lock lock(mutex_);
    return !stop_.wait_for(lock, k_pause, [this] { return stopping_; });
}

}  // namespace narthex::service
