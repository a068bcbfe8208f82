#include "narthex/http/server.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/http/session.hpp"
#include "narthex/service/log.hpp"
#include "narthex/service/log_limit.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

namespace narthex::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = Session::Clock;

namespace {

constexpr std::chrono::milliseconds k_tick(500);
constexpr std::chrono::milliseconds k_accept_pause(100);

HeadEnds make_head_ends() {
    const auto date = "Date: " + http_date(std::time(nullptr)) + "\r\n";
    return {
        date + "\r\n",
        date + "Connection: keep-alive\r\n\r\n",
        date + "Connection: close\r\n\r\n",
    };
}

// Counts open sessions over all threads and tells who waits for the last one.
class SessionCount {
  public:
    std::size_t add(std::ptrdiff_t n) {
        const std::lock_guard lock(mutex_);
        count_ = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(count_) + n);
        if (count_ == 0) none_.notify_all();
        return count_;
    }
    [[nodiscard]] std::size_t get() const {
        const std::lock_guard lock(mutex_);
        return count_;
    }
    void wait_for_none(std::chrono::milliseconds limit) {
        std::unique_lock lock(mutex_);
        none_.wait_for(lock, limit, [this] { return count_ == 0; });
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable none_;
    std::size_t count_ = 0;
};

// One network thread and its sessions.
class Worker {
  public:
    Worker(
        const Backend& backend,
        const ServerOptions& options,
        SessionCount& count,
        std::function<void()> on_tick
    )
        : count_(count),
          mailbox_(
              io_,
              backend.lookups,
              backend.leases,
              backend.cache,
              [](std::vector<Mail> mails) { deliver(std::move(mails)); }
          ),
          context_{
              .handler = backend.handler,
              .bulk = backend.bulk,
              .uploads = backend.uploads,
              .catalog = service::CatalogView(backend.handler.catalog()),
              .mailbox = mailbox_,
              .files = backend.files,
              .limits = options.limits,
              .counters = counters_,
              .access_log = options.access_log,
              .closed = [this](const auto& session) { forget(session); },
          },
          on_tick_(std::move(on_tick)),
          timer_(io_) {}

    [[nodiscard]] const Counters& counters() const { return counters_; }

    // On this worker's thread.
    void count_refused() { counters_.connections_refused.add(); }

    asio::io_context& io() { return io_; }

    void start() {
        tick();
        thread_ = std::thread([this] { io_.run(); });
    }

    // On this worker's thread. The session is counted already.
    void add(tcp::socket socket) {
        auto session = std::make_shared<Session>(std::move(socket), context_);
        sessions_.insert(session);
        counters_.connections.add();
        session->start();
        if (draining_) session->drain();
    }

    void drain() {
        draining_ = true;
        for_each([](Session& session) { session.drain(); });
    }

    void close_all() {
        for_each([](Session& session) { session.close(); });
    }

    void join() {
        io_.stop();
        if (thread_.joinable()) thread_.join();
    }

  private:
    void forget(const std::shared_ptr<Session>& session) {
        if (sessions_.erase(session) == 0) return;
        counters_.connections_ended.add();
        count_.add(-1);
    }

    // Each session goes on once, with all that came for it.
    static void deliver(std::vector<Mail> mails) {
        std::vector<std::shared_ptr<Session>> served;
        for (auto& mail : mails) {
            auto client = std::static_pointer_cast<Session>(mail.client.lock());
            if (!client) continue;
            client->receive(std::move(mail));
            served.push_back(std::move(client));
        }
        std::ranges::sort(served);
        const auto rest = std::ranges::unique(served);
        served.erase(rest.begin(), rest.end());
        for (const auto& session : served) session->pump();
    }

    void tick() {
        context_.head_ends = make_head_ends();
        const auto now = Clock::now();
        for_each([now](Session& session) { session.tick(now); });
        on_tick_();
        timer_.expires_after(k_tick);
        timer_.async_wait([this](boost::system::error_code error) {
            if (!error) tick();
        });
    }

    // Sessions may end, and so leave the set, while they are called.
    template <class F>
    void for_each(F&& call) {
        const std::vector<std::shared_ptr<Session>> all(sessions_.begin(), sessions_.end());
        for (const auto& session : all) call(*session);
    }

    SessionCount& count_;
    asio::io_context io_{1};
    Mailbox mailbox_;
    Counters counters_;
    SessionContext context_;
    std::function<void()> on_tick_;
    asio::steady_timer timer_;
    std::unordered_set<std::shared_ptr<Session>> sessions_;
    bool draining_ = false;
    std::thread thread_;
};

std::string to_text(const tcp::endpoint& endpoint) {
    const auto address = endpoint.address().to_string();
    if (endpoint.address().is_v6()) return fmt::format("[{}]:{}", address, endpoint.port());
    return fmt::format("{}:{}", address, endpoint.port());
}

}  // namespace

struct Server::Impl {
    Impl(ServerOptions given, const Backend& backend) : options(std::move(given)) {
        for (std::size_t i = 0; i < options.threads; ++i) {
            const bool first = i == 0;
            workers.push_back(std::make_unique<Worker>(backend, options, count, [this, first] {
                if (first) report_slow_clients();
            }));
        }
        acceptor = std::make_unique<tcp::acceptor>(workers[0]->io());
        pause = std::make_unique<asio::steady_timer>(workers[0]->io());
        bind();
    }

    void bind() {
        boost::system::error_code error;
        const auto address = asio::ip::make_address(options.address, error);
        const tcp::endpoint endpoint(address, options.port);
        if (!error) acceptor->open(endpoint.protocol(), error);
        if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
        if (!error) acceptor->bind(endpoint, error);
        if (!error) acceptor->listen(4096, error);
        if (!error) return;
        throw std::runtime_error(
            fmt::format("can't listen on {}:{}: {}", options.address, options.port, error.message())
        );
    }

    void accept() {
        auto& worker = *workers[next_worker++ % workers.size()];
        acceptor->async_accept(
            worker.io(),
            [this, &worker](boost::system::error_code error, tcp::socket socket) {
                if (error == asio::error::operation_aborted || !acceptor->is_open()) return;
                if (error) return pause_accepting(error);
                take(worker, std::move(socket));
                accept();
            }
        );
    }

    // Out of file descriptors, most likely: trying again at once would only burn the processor.
    void pause_accepting(boost::system::error_code reason) {
        if (accept_log.may_log())
            service::log_warn("event=accept_failed reason={}", log_text(reason.message()));
        pause->expires_after(k_accept_pause);
        pause->async_wait([this](boost::system::error_code error) {
            if (!error && acceptor->is_open()) accept();
        });
    }

    void take(Worker& worker, tcp::socket socket) {
        boost::system::error_code ignored;
        if (count.get() >= options.connections) {
            workers[0]->count_refused();
            if (refused_log.may_log()) {
                service::log_warn("event=too_many_connections limit={}", options.connections);
            }
            socket.set_option(asio::socket_base::linger(true, 0), ignored);
            socket.close(ignored);  // the destructor would close it without the reset
            return;
        }
        socket.set_option(tcp::no_delay(true), ignored);
        socket.non_blocking(true, ignored);
        count.add(1);
        asio::post(worker.io(), [&worker, socket = std::move(socket)]() mutable {
            worker.add(std::move(socket));
        });
    }

    // Those of all threads that nobody has been told of yet.
    void report_slow_clients() {
        std::uint64_t closed = 0;
        for (const auto& worker : workers) closed += worker->counters().slow_clients.get();
        if (closed == slow_reported || !slow_log.may_log()) return;
        service::log_warn("event=slow_clients closed={}", closed - slow_reported);
        slow_reported = closed;
    }

    ServerOptions options;
    SessionCount count;
    std::vector<std::unique_ptr<Worker>> workers;
    std::unique_ptr<tcp::acceptor> acceptor;  // all of it on the first worker's thread
    std::unique_ptr<asio::steady_timer> pause;
    std::size_t next_worker = 0;
    // What clients can cause.
    service::LogLimit accept_log;
    service::LogLimit refused_log;
    service::LogLimit slow_log;
    std::uint64_t slow_reported = 0;
};

Server::Server(ServerOptions options, const Backend& backend)
    : impl_(std::make_unique<Impl>(std::move(options), backend)) {}

Server::~Server() {
    for (auto& worker : impl_->workers) worker->join();
}

std::string Server::address() const {
    return to_text(impl_->acceptor->local_endpoint());
}

std::vector<const Counters*> Server::counters() const {
    std::vector<const Counters*> all;
    for (const auto& worker : impl_->workers) all.push_back(&worker->counters());
    return all;
}

void Server::start() {
    impl_->accept();
    for (auto& worker : impl_->workers) worker->start();
}

void Server::stop(std::chrono::milliseconds limit) {
    asio::post(impl_->workers[0]->io(), [this] {
        boost::system::error_code ignored;
        impl_->acceptor->close(ignored);
        impl_->pause->cancel();
    });
    for (auto& worker : impl_->workers) {
        asio::post(worker->io(), [&worker = *worker] { worker.drain(); });
    }
    impl_->count.wait_for_none(limit);
    for (auto& worker : impl_->workers) {
        asio::post(worker->io(), [&worker = *worker] { worker.close_all(); });
    }
    impl_->count.wait_for_none(std::chrono::milliseconds(500));
    for (auto& worker : impl_->workers) worker->join();
}

}  // namespace narthex::http
