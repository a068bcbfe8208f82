// Listens, hands connections to its network threads in turn, and drains them when it stops.
#pragma once

#include "narthex/http/options.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace boost::asio {
class thread_pool;
}
namespace narthex::service {
class Leases;
class Lookups;
}  // namespace narthex::service

namespace narthex::http {

class BulkAnswers;
class NarinfoCache;
class Responder;
class UploadAnswers;
struct Counters;

// What answers come from. All of it outlives the server but for the lookups (and what the bulk
// answers have for such), which end before it.
struct Backend {
    Responder& handler;
    BulkAnswers& bulk;
    UploadAnswers& uploads;
    service::Lookups& lookups;
    service::Leases& leases;
    NarinfoCache& cache;
    boost::asio::thread_pool& files;
};

class Server {
  public:
    // Binds. Throws std::runtime_error that names the address.
    Server(ServerOptions options, const Backend& backend);
    ~Server();

    // 127.0.0.1:8080 as it is bound.
    [[nodiscard]] std::string address() const;

    // Of each network thread; they live as long as the server.
    [[nodiscard]] std::vector<const Counters*> counters() const;

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
