// bench_open_loop: asks at a fixed rate, whatever the answers take. wrk asks again when it has an
// answer, so that a server that stalls is asked less, and the stall counts once. Here each request
// is due at its time; its latency is counted from then, also when no connection was free to send
// it. One thread; one request at a time on each connection. SIGTERM ends it early.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view k_length = "\r\nContent-Length: ";
// A server that takes longer to answer what was asked last is broken.
constexpr std::chrono::seconds k_drain_limit(20);

volatile std::sig_atomic_t stopped = 0;

struct Connection {
    int fd = -1;
    Clock::time_point due{};
    std::string answer;
};

struct Counts {
    std::uint64_t not_found = 0;
    std::uint64_t failed = 0;  // neither 200 nor 404
    std::vector<std::uint32_t> micros;
};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::vector<std::string> read_requests(const char* file) {
    std::ifstream in(file);
    std::vector<std::string> requests;
    for (std::string path; std::getline(in, path);) {
        requests.push_back("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    }
    if (requests.empty()) throw std::runtime_error("no requests");
    return requests;
}

int open_connection(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        fail("connect");
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

// Of a whole head and body; 0 while there is more to come.
std::size_t answer_size(const std::string& bytes) {
    const auto head_end = bytes.find("\r\n\r\n");
    if (head_end == std::string::npos) return 0;
    const auto at = bytes.find(k_length);
    if (at > head_end) throw std::runtime_error("an answer without Content-Length");
    const auto body = std::strtoull(&bytes[at + k_length.size()], nullptr, 10);
    const auto size = head_end + 4 + body;
    return bytes.size() < size ? 0 : size;
}

class Load {
  public:
    Load(int port, std::size_t connections, double rate, std::vector<std::string> requests)
        : requests_(std::move(requests)),
          rate_(rate),
          connections_(connections),
          epoll_(::epoll_create1(0)) {
        if (epoll_ < 0) fail("epoll_create1");
        for (std::size_t i = 0; i < connections; ++i) {
            connections_[i].fd = open_connection(port);
            free_.push_back(i);
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u64 = i;
            if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event) != 0) {
                fail("epoll_ctl");
            }
        }
    }

    Counts run(std::chrono::seconds time) {
        start_ = Clock::now();
        auto end = start_ + time;
        for (auto now = start_; now < end + k_drain_limit; now = Clock::now()) {
            if (stopped != 0) end = std::min(end, now);
            send_what_is_due(std::min(now, end));
            if (due(sent_) > end && free_.size() == connections_.size()) return std::move(counts_);
            wait(now, end);
        }
        throw std::runtime_error("requests are left without an answer");
    }

  private:
    [[nodiscard]] Clock::time_point due(std::uint64_t request) const {
        const std::chrono::duration<double> since(static_cast<double>(request) / rate_);
        return start_ + std::chrono::duration_cast<Clock::duration>(since);
    }

    // A request fits the socket's buffer: it has no other to wait for.
    void send_what_is_due(Clock::time_point now) {
        while (!free_.empty() && due(sent_) <= now) {
            auto& connection = connections_[free_.front()];
            free_.pop_front();
            connection.due = due(sent_);
            const auto& request = requests_[sent_++ % requests_.size()];
            const auto sent = ::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL);
            if (sent != static_cast<ssize_t>(request.size())) fail("send");
        }
    }

    // For answers, or until the next request is due.
    void wait(Clock::time_point now, Clock::time_point end) {
        Clock::duration time = std::chrono::milliseconds(100);
        if (!free_.empty() && due(sent_) <= end) time = std::min(time, due(sent_) - now);
        const auto nanos =
            std::chrono::nanoseconds(std::max(time, Clock::duration::zero())).count();
        const timespec limit{0, nanos};
        std::array<epoll_event, 256> events{};
        const int count = ::epoll_pwait2(epoll_, events.data(), events.size(), &limit, nullptr);
        if (count < 0 && errno != EINTR) fail("epoll_pwait2");
        for (int i = 0; i < count; ++i) receive(events[static_cast<std::size_t>(i)].data.u64);
    }

    void receive(std::size_t which) {
        auto& connection = connections_[which];
        const auto count = ::recv(connection.fd, buffer_.data(), buffer_.size(), 0);
        if (count <= 0) fail("the server closed a connection");
        connection.answer.append(buffer_.data(), static_cast<std::size_t>(count));
        const auto size = answer_size(connection.answer);
        if (size == 0) return;
        if (size != connection.answer.size()) throw std::runtime_error("bytes after an answer");
        const auto took = Clock::now() - connection.due;
        counts_.micros.push_back(static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(took).count()
        ));
        const bool not_found = connection.answer.starts_with("HTTP/1.1 404");
        if (not_found) ++counts_.not_found;
        if (!not_found && !connection.answer.starts_with("HTTP/1.1 200")) ++counts_.failed;
        connection.answer.clear();
        free_.push_back(which);
    }

    std::vector<std::string> requests_;
    double rate_;
    std::vector<Connection> connections_;
    std::deque<std::size_t> free_;  // connections without a request; the longest free first
    std::array<char, 65536> buffer_{};
    int epoll_;
    Clock::time_point start_{};
    std::uint64_t sent_ = 0;
    Counts counts_;
};

std::uint32_t share_of(const std::vector<std::uint32_t>& sorted, double share) {
    return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        std::cerr << "usage: bench_open_loop PORT CONNECTIONS RATE SECONDS FILE (of paths)\n";
        return 2;
    }
    try {
        std::signal(SIGTERM, [](int) { stopped = 1; });
        ::prctl(PR_SET_TIMERSLACK, 1000);  // nanoseconds; else each wait is up to 50 us too long
        const auto connections = static_cast<std::size_t>(std::atoi(argv[2]));
        Load load(std::atoi(argv[1]), connections, std::atof(argv[3]), read_requests(argv[5]));
        const auto start = Clock::now();
        Counts counts = load.run(std::chrono::seconds(std::atoi(argv[4])));
        const std::chrono::duration<double, std::micro> took = Clock::now() - start;
        auto& micros = counts.micros;
        if (micros.empty()) throw std::runtime_error("no answers");
        std::sort(micros.begin(), micros.end());
        std::cout << "RESULT " << micros.size() << ' ' << static_cast<std::uint64_t>(took.count())
                  << ' ' << counts.not_found << ' ' << counts.failed << ' ' << share_of(micros, 0.5)
                  << ' ' << share_of(micros, 0.99) << ' ' << share_of(micros, 0.999) << ' '
                  << micros.back() << '\n';
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_open_loop: " << error.what() << '\n';
        return 1;
    }
}
