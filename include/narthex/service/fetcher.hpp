// Small documents by HTTP, many at once, on one thread of its own (libcurl's multi interface). Only
// http and https, certificates are verified, a few redirects are followed, no cookies, no
// passwords. Everything has a limit: connecting, the whole, the size.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace narthex::service {

struct FetchOptions {
    std::string user_agent;
    std::chrono::milliseconds connect_limit{1000};  // names, TCP and TLS
    std::chrono::milliseconds limit{2000};          // all of it, redirects included
    std::size_t largest = 0;                        // bytes of a body, decompressed
    std::string ca_file;  // certificates that vouch for servers; empty: the system's do
};

struct Fetched {
    // An HTTP status; 0: there was no whole answer, and `fault` says why.
    int status = 0;
    std::string body;
    std::string fault;
    // Without an answer: the server answers in a way that says nothing of other documents (too
    // large, cut off, redirected in a circle). Else it is away, or too slow.
    bool alive = false;
};

class Fetcher {
  public:
    using Done = std::function<void(Fetched)>;

    explicit Fetcher(FetchOptions options);
    ~Fetcher();  // stop()
    Fetcher(const Fetcher&) = delete;
    Fetcher& operator=(const Fetcher&) = delete;

    // GET. `done` is called once, on the fetcher's thread, unless stop() comes first; it is quick
    // and throws nothing. Any thread.
    void fetch(std::string url, Done done);

    // Breaks off all fetches; when it returns no `done` is called any more.
    void stop();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::service
