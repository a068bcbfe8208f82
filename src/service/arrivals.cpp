#include "narthex/service/arrivals.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

#include <utility>

namespace narthex::service {

namespace {

constexpr std::chrono::milliseconds k_pause(20);

}  // namespace

Arrivals::Arrivals(std::string uri) : uri_(std::move(uri)) {
    thread_ = std::thread([this] { run(); });
}

Arrivals::~Arrivals() {
    stop();
}

void Arrivals::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (connection_) connection_->interrupt();
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Arrivals::wait(const PathKey& key, Clock::time_point until, Done done) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    waiting_.push_back({key, until, std::move(done)});
    if (waiting_.size() == 1) wake_.notify_all();
}

void Arrivals::run() {
    while (await_work()) {
        std::vector<PathKey> keys;
        {
            const std::lock_guard lock(mutex_);
            for (const auto& each : waiting_) keys.push_back(each.key);
        }
        end(keys, look(keys));
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, k_pause, [this] { return stopping_; });
    }
}

// False when stopping.
bool Arrivals::await_work() {
    std::unique_lock lock(mutex_);
    if (waiting_.empty()) connection_.reset();
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    return !stopping_;
}

// Which of `keys` are served here.
std::vector<bool> Arrivals::look(const std::vector<PathKey>& keys) {
    std::vector<bool> here(keys.size());
    try {
        if (!connection_) connect();
        for (const auto which : connection_->find_present(keys)) here[which] = true;
    } catch (const std::exception& error) {
        if (log_.may_log()) {
            log_warn("event=arrivals_unknown reason={}", log_text(error.what()));
        }
        const std::lock_guard lock(mutex_);
        connection_.reset();
    }
    return here;
}

void Arrivals::connect() {
    auto fresh = std::make_unique<db::LookupConnection>(uri_);
    const std::lock_guard lock(mutex_);
    connection_ = std::move(fresh);
    if (stopping_) connection_->interrupt();
}

// The first `keys.size()` of those that wait have these keys.
void Arrivals::end(const std::vector<PathKey>& keys, const std::vector<bool>& here) {
    std::vector<std::pair<Done, bool>> ended;
    {
        const std::lock_guard lock(mutex_);
        const auto now = Clock::now();
        std::vector<Waiting> left;
        for (std::size_t i = 0; i < waiting_.size(); ++i) {
            const bool is_here = i < keys.size() && here[i];
            const bool over = is_here || now >= waiting_[i].until;
            if (over) ended.emplace_back(std::move(waiting_[i].done), is_here);
            if (!over) left.push_back(std::move(waiting_[i]));
        }
        waiting_ = std::move(left);
    }
    for (const auto& [done, is_here] : ended) done(is_here);
}

}  // namespace narthex::service
