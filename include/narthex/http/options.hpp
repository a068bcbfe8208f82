// What an operator can set of the HTTP side; the defaults stand here and nowhere else.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace narthex::http {

// What a narinfo that the database can't be asked for is answered with.
enum class UnavailablePolicy {
    automatic,  // 404 for Nix below 2.32, which fails its build on a 503; 503 for everyone else
    always_503,
    always_404,
};

// Of bulk requests: many narinfos at once, closures.
struct BulkLimits {
    std::size_t body_bytes = 4 * 1024 * 1024;      // of a request
    std::size_t hashes = 32'768;                   // distinct, in a request
    std::size_t answer_bytes = 64 * 1024 * 1024;   // but for closures, which are streamed
    std::size_t closure_paths = 100'000;           // in a closure
    std::size_t memory_bytes = 256 * 1024 * 1024;  // that all of them hold together
    std::chrono::milliseconds timeout{30'000};     // for an answer, and for each piece of one
};

// Of what clients PUT.
struct UploadLimits {
    std::uint64_t nar_bytes = 32ULL * 1024 * 1024 * 1024;  // of a NAR, as it is compressed
    std::size_t narinfo_bytes = 1024 * 1024;               // and of a realisation
    std::size_t companion_bytes = 64 * 1024 * 1024;        // of a listing or a log
    std::size_t memory_bytes = 256 * 1024 * 1024;          // that all of them hold together
    std::chrono::milliseconds publish{10'000};             // for the database to take one
    std::chrono::milliseconds timeout{300'000};  // for a body that has come to be answered
    std::chrono::hours lease{24};  // how long stays what a publisher was told is there
};

struct HandlerOptions {
    UnavailablePolicy unavailable = UnavailablePolicy::automatic;
    std::chrono::milliseconds lookup_timeout{5000};
    std::string public_url;  // of this server, for the front page; empty: by the Host field
    std::string version;
};

struct SessionLimits {
    std::size_t header_bytes = 16 * 1024;
    std::size_t pipeline = 8192;             // requests read and not answered
    std::size_t in_flight = 512;             // of those, being looked up
    std::size_t unsent_bytes = 1024 * 1024;  // answers waiting; more lookups wait until it sinks
    std::size_t pipeline_bytes = 4 * 1024 * 1024;  // what requests read and not answered may hold
    std::chrono::seconds idle{120};                // without a request
    std::chrono::seconds header{30};               // for a request's head to arrive
    std::chrono::seconds send{60};                 // for the client to take at least one byte
};

struct ServerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8080;  // 0: any free one
    std::size_t threads = 1;
    std::size_t connections = 16'384;  // more are reset: Guix then leaves the server in peace
    bool access_log = false;
    SessionLimits limits;
};

// Of the listener for operators: some scrapers, no bursts.
inline ServerOptions admin_options() {
    ServerOptions options;
    options.address.clear();  // there is none unless it is asked for
    options.connections = 64;
    options.limits.pipeline = 16;
    return options;
}

}  // namespace narthex::http
