#include "support/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace narthex::test {

std::string ScriptedServer::Client::read_head() {
    while (true) {
        const auto end = read_ahead_.find("\r\n\r\n");
        if (end != std::string::npos) return take(end + 4);
        receive();
    }
}

std::string ScriptedServer::Client::read(std::size_t bytes) {
    while (read_ahead_.size() < bytes) receive();
    return take(bytes);
}

std::string ScriptedServer::Client::take(std::size_t bytes) {
    auto taken = read_ahead_.substr(0, bytes);
    read_ahead_.erase(0, bytes);
    return taken;
}

void ScriptedServer::Client::receive() {
    std::array<char, 65536> buffer{};
    const auto got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got <= 0) throw Gone();
    read_ahead_.append(buffer.data(), static_cast<std::size_t>(got));
}

void ScriptedServer::Client::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) throw Gone();
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void ScriptedServer::Client::stay(std::chrono::milliseconds time) const {
    pollfd end{socket_, POLLRDHUP, 0};
    if (::poll(&end, 1, static_cast<int>(time.count())) > 0) throw Gone();
}

void ScriptedServer::Client::await_end() const {
    stay(std::chrono::milliseconds(-1));
}

ScriptedServer::ScriptedServer(Script script)
    : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, any, size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, any, &size) != 0) {
        throw std::runtime_error("cannot listen on 127.0.0.1");
    }
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    acceptor_ = std::thread([this] { accept(); });
}

ScriptedServer::~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    for (auto& thread : threads_) thread.join();
    for (const int socket : sockets_) ::close(socket);
}

void ScriptedServer::accept() {
    while (true) {
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) return;
        sockets_.push_back(socket);
        threads_.emplace_back([this, socket] { serve(socket); });
    }
}

void ScriptedServer::serve(int socket) const {
    try {
        Client client(socket);
        script_(client);
    } catch (const Gone&) {
    }
    ::shutdown(socket, SHUT_RDWR);
}

}  // namespace narthex::test
