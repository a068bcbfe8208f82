// bench_head: what wrk can't do. wrk waits for the body that an answer to HEAD announces and never
// has. One thread, one request at a time on each connection; prints a line like wrk.lua's.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Connection {
    int fd = -1;
    Clock::time_point sent{};
    std::string head;
};

struct Counts {
    std::uint64_t bytes = 0;
    std::uint64_t failed = 0;
    std::vector<std::uint64_t> micros;
};

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::vector<std::string> read_requests(const char* file) {
    std::ifstream in(file);
    std::vector<std::string> requests;
    for (std::string path; std::getline(in, path);) {
        requests.push_back("HEAD " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
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

class Load {
  public:
    Load(int port, std::size_t connections, std::vector<std::string> requests)
        : requests_(std::move(requests)), connections_(connections), epoll_(::epoll_create1(0)) {
        if (epoll_ < 0) fail("epoll_create1");
        for (std::size_t i = 0; i < connections; ++i) {
            connections_[i].fd = open_connection(port);
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u64 = i;
            if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event) != 0) {
                fail("epoll_ctl");
            }
        }
    }

    Counts run(std::chrono::seconds time) {
        for (Connection& connection : connections_) send(connection);
        const auto end = Clock::now() + time;
        std::array<epoll_event, 256> events{};
        while (Clock::now() < end) {
            const int count = ::epoll_wait(epoll_, events.data(), events.size(), 1000);
            if (count < 0 && errno != EINTR) fail("epoll_wait");
            for (int i = 0; i < count; ++i) {
                receive(connections_[events[static_cast<std::size_t>(i)].data.u64]);
            }
        }
        return std::move(counts_);
    }

  private:
    // A request fits the socket's buffer: it has no other to wait for.
    void send(Connection& connection) {
        const std::string& request = requests_[next_++ % requests_.size()];
        connection.sent = Clock::now();
        const auto sent = ::send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(request.size())) fail("send");
    }

    void receive(Connection& connection) {
        std::array<char, 4096> buffer{};
        const auto count = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
        if (count <= 0) fail("the server closed a connection");
        connection.head.append(buffer.data(), static_cast<std::size_t>(count));
        if (!connection.head.ends_with("\r\n\r\n")) return;
        const auto took = Clock::now() - connection.sent;
        counts_.micros.push_back(static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(took).count()
        ));
        counts_.bytes += connection.head.size();
        if (!connection.head.starts_with("HTTP/1.1 2")) ++counts_.failed;
        connection.head.clear();
        send(connection);
    }

    std::vector<std::string> requests_;
    std::vector<Connection> connections_;
    int epoll_;
    std::size_t next_ = 0;
    Counts counts_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::cerr << "usage: bench_head PORT CONNECTIONS SECONDS FILE (of paths)\n";
        return 2;
    }
    try {
        const auto connections = static_cast<std::size_t>(std::atoi(argv[2]));
        Load load(std::atoi(argv[1]), connections, read_requests(argv[4]));
        const auto start = Clock::now();
        Counts counts = load.run(std::chrono::seconds(std::atoi(argv[3])));
        const std::chrono::duration<double, std::micro> took = Clock::now() - start;
        auto& micros = counts.micros;
        if (micros.empty()) throw std::runtime_error("no answers");
        std::sort(micros.begin(), micros.end());
        std::cout << "RESULT " << micros.size() << ' ' << static_cast<std::uint64_t>(took.count())
                  << ' ' << counts.bytes << ' ' << counts.failed << " 0 "
                  << micros[micros.size() / 2] << ' ' << micros[micros.size() * 99 / 100] << '\n';
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_head: " << error.what() << '\n';
        return 1;
    }
}
