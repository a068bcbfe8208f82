// Listens, hands connections to its network threads in turn, and drains them when it stops.
#pragma once

#include "narthex/http/options.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace boost::asio {
class thread_pool;
}

namespace narthex::http {

class Handler;

class Server {
  public:
    // Binds. Throws std::runtime_error that names the address. `handler` and `files` outlive it.
    Server(ServerOptions options, Handler& handler, boost::asio::thread_pool& files);
    ~Server();

    // 127.0.0.1:8080 as it is bound.
    [[nodiscard]] std::string address() const;

    // Starts the threads.
    void start();

    // No new connections; what has been asked is answered, for at most `limit`; then all is closed
    // and the threads joined. Called once, not from a network thread.
    void stop(std::chrono::milliseconds limit);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::http
