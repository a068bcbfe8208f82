// The table of all settings: key, help, how a value is read and shown.
#include "setting_kinds.hpp"

#include "narthex/app/config.hpp"
#include "narthex/db/cluster.hpp"
#include "narthex/db/connection.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace narthex::app {

Result<std::uint64_t> parse_number(const std::string& text, Range range) {
    std::uint64_t number = 0;
    const auto end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    const bool whole = parsed.ec == std::errc{} && parsed.ptr == end;
    if (whole && number >= range.least && number <= range.most) return number;
    return Error{
        fmt::format("\"{}\" is not a whole number from {} to {}", text, range.least, range.most)};
}

namespace {

bool is_ip_address(const std::string& text) {
    std::array<unsigned char, sizeof(in6_addr)> ignored{};
    return ::inet_pton(AF_INET, text.c_str(), ignored.data()) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), ignored.data()) == 1;
}

struct Address {
    std::string ip;
    std::uint16_t port;
};

// ADDRESS:PORT
Result<Address> parse_address(const std::string& given) {
    const auto colon = given.rfind(':');
    if (colon == std::string::npos || colon == 0) {
        return Error{fmt::format("\"{}\" is not ADDRESS:PORT", given)};
    }
    const auto port = parse_number(given.substr(colon + 1), {0, 65535});
    if (!port) return port.error();
    auto address = given.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']')) {
        address = address.substr(1, address.size() - 2);
    }
    if (!is_ip_address(address)) {
        return Error{
            fmt::format("\"{}\" is no IP address, such as 127.0.0.1, 0.0.0.0 or [::]", address)};
    }
    return Address{address, static_cast<std::uint16_t>(*port)};
}

std::string show_address(const std::string& ip, std::uint16_t port) {
    const bool v6 = ip.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", v6 ? "[" : "", ip, v6 ? "]" : "", port);
}

Result<void> set_listen(http::ServerOptions& server, const std::string& given) {
    auto parsed = parse_address(given);
    if (!parsed) return parsed.error();
    server.address = std::move(parsed->ip);
    server.port = parsed->port;
    return {};
}

std::string show_listen(const http::ServerOptions& server) {
    return show_address(server.address, server.port);
}

// The same with a port of its own, or empty: as it was said last.
Result<void> set_region_listen(Config& config, const std::string& given) {
    if (given.empty()) {
        config.regions.address.clear();
        return {};
    }
    auto parsed = parse_address(given);
    if (!parsed) return parsed.error();
    if (parsed->port == 0) return Error{fmt::format("\"{}\" has no port", given)};
    config.regions.address = std::move(parsed->ip);
    config.regions.port = parsed->port;
    return {};
}

std::string show_region_listen(const Config& config) {
    const auto& at = config.regions;
    return at.address.empty() ? "" : show_address(at.address, at.port);
}

// The same, or empty: no such listener.
Result<void> set_admin_listen(Config& config, const std::string& given) {
    if (!given.empty()) return set_listen(config.admin, given);
    config.admin.address.clear();
    return {};
}

std::string show_admin_listen(const Config& config) {
    return config.admin.address.empty() ? "" : show_listen(config.admin);
}

Result<void> set_unavailable(Config& config, const std::string& given) {
    using http::UnavailablePolicy;
    if (given == "auto") {
        config.handler.unavailable = UnavailablePolicy::automatic;
    } else if (given == "503") {
        config.handler.unavailable = UnavailablePolicy::always_503;
    } else if (given == "404") {
        config.handler.unavailable = UnavailablePolicy::always_404;
    } else {
        return Error{fmt::format("\"{}\" is not one of auto, 503, 404", given)};
    }
    return {};
}

std::string show_unavailable(const Config& config) {
    switch (config.handler.unavailable) {
        case http::UnavailablePolicy::automatic:
            return "auto";
        case http::UnavailablePolicy::always_503:
            return "503";
        case http::UnavailablePolicy::always_404:
            return "404";
    }
    throw std::logic_error("unknown unavailable policy");
}

Result<void> set_public_url(Config& config, const std::string& given) {
    if (!given.empty() && !given.starts_with("http://") && !given.starts_with("https://")) {
        return Error{fmt::format("\"{}\" doesn't start with http:// or https://", given)};
    }
    config.handler.public_url = given.substr(0, given.find_last_not_of('/') + 1);
    return {};
}

Result<void> set_log_level(Config& config, const std::string& given) {
    constexpr std::array k_levels = {"debug", "info", "warn", "error"};
    if (std::ranges::find(k_levels, given) == k_levels.end()) {
        return Error{fmt::format("\"{}\" is not one of debug, info, warn, error", given)};
    }
    config.log_level = given;
    return {};
}

Result<void> set_database(Config& config, const std::string& given) {
    if (!given.empty()) {
        if (auto good = db::check_uri(given); !good) return good;
    }
    config.database = given;
    return {};
}

std::string show_database(const Config& config) {
    return config.database.empty() ? "" : db::describe_address(config.database);
}

std::string show_data_dir(const Config& config) {
    if (!config.data_dir.empty()) return config.data_dir;
    try {
        return db::default_data_dir().string();
    } catch (const db::ClusterError&) {
        return "";  // a user without a home: fine as long as --database is given
    }
}

std::vector<Setting> read_settings() {
    auto database = text(
        "database",
        "URI",
        "PostgreSQL to use (postgresql://HOST/NAME); without, an own one below --data-dir",
        [](Config& config) -> std::string& { return config.database; }
    );
    database.set = set_database;
    database.show = show_database;
    auto data_dir = text(
        "data-dir",
        "DIR",
        "where narthex keeps its own PostgreSQL",
        [](Config& config) -> std::string& { return config.data_dir; }
    );
    data_dir.show = show_data_dir;
    return {
        std::move(database),
        std::move(data_dir),
        {"listen",
         "ADDRESS:PORT",
         "where to serve",
         [](Config& config, const std::string& given) { return set_listen(config.server, given); },
         [](const Config& config) { return show_listen(config.server); }},
        {"admin-listen",
         "ADDRESS:PORT",
         "where operators find /metrics, for Prometheus; not for the public; empty: nowhere",
         set_admin_listen,
         show_admin_listen},
        {"region-listen",
         "ADDRESS:PORT",
         "where regions reach narthex's own PostgreSQL, by TLS; kept in the data directory",
         set_region_listen,
         show_region_listen},
        number(
            "region-wal-keep-mb",
            "MB",
            "changes that are kept for a region that is away, at most; past it, it is copied "
            "afresh",
            {64, 1U << 30U},
            [](Config& config) -> auto& { return config.regions.wal_keep_mb; }
        ),
        {"public-url",
         "URL",
         "this server's URL as clients know it, for the front page",
         set_public_url,
         [](const Config& config) { return config.handler.public_url; }},
        {"unavailable",
         "auto|503|404",
         "answer to narinfos while the database is away; auto: 404 for Nix below 2.32, else 503",
         set_unavailable,
         show_unavailable},
        number(
            "network-threads",
            "N",
            "threads that talk to clients",
            {1, 256},
            [](Config& config) -> auto& { return config.server.threads; }
        ),
        number(
            "database-connections",
            "N",
            "connections that look narinfos up",
            {1, 256},
            [](Config& config) -> auto& { return config.database_connections; }
        ),
        number(
            "largest-batch",
            "N",
            "lookups in one statement, at most",
            {1, 10'000},
            [](Config& config) -> auto& { return config.largest_batch; }
        ),
        number(
            "cache-bytes",
            "BYTES",
            "memory for answers, found and absent; 0 asks the database each time",
            {0, 1ULL << 40},
            [](Config& config) -> auto& { return config.cache_bytes; }
        ),
        number(
            "hit-max-age-seconds",
            "SECONDS",
            "how long proxies and Guix may keep a narinfo",
            {0, k_longest_age},
            [](Config& config) -> auto& { return config.max_ages.hit; }
        ),
        number(
            "miss-max-age-seconds",
            "SECONDS",
            "how long they may keep that there is none",
            {0, k_longest_age},
            [](Config& config) -> auto& { return config.max_ages.miss; }
        ),
        number(
            "new-max-age-seconds",
            "SECONDS",
            "how long they may keep a new narinfo",
            {0, k_longest_age},
            [](Config& config) -> auto& { return config.max_ages.new_path; }
        ),
        number(
            "new-for-seconds",
            "SECONDS",
            "how long a narinfo is new",
            {0, k_longest_age},
            [](Config& config) -> auto& { return config.max_ages.new_for; }
        ),
        number(
            "lookup-timeout-ms",
            "MS",
            "how long a lookup may take before it counts as unavailable",
            {10, 600'000},
            [](Config& config) -> auto& { return config.handler.lookup_timeout; }
        ),
        number(
            "bulk-connections",
            "N",
            "connections that answer bulk requests",
            {1, 64},
            [](Config& config) -> auto& { return config.bulk_connections; }
        ),
        number(
            "bulk-timeout-ms",
            "MS",
            "how long an answer to a bulk request, or a piece of a closure, may take",
            {10, 600'000},
            [](Config& config) -> auto& { return config.bulk.timeout; }
        ),
        number(
            "bulk-limit-bytes",
            "BYTES",
            "size of a bulk request's body; larger is answered with 413",
            {1024, 1ULL << 30},
            [](Config& config) -> auto& { return config.bulk.body_bytes; }
        ),
        number(
            "bulk-answer-bytes",
            "BYTES",
            "size of a bulk request's answer; larger is answered with 413",
            {1024, 1ULL << 34},
            [](Config& config) -> auto& { return config.bulk.answer_bytes; }
        ),
        number(
            "bulk-memory-bytes",
            "BYTES",
            "memory for all bulk requests and their answers; past it they are answered with 503",
            {1 << 20, 1ULL << 40},
            [](Config& config) -> auto& { return config.bulk.memory_bytes; }
        ),
        number(
            "closure-limit-paths",
            "N",
            "paths of a closure that is sent as a whole; more are answered with 413",
            {1, 100'000'000},
            [](Config& config) -> auto& { return config.bulk.closure_paths; }
        ),
        number(
            "upstream-timeout-ms",
            "MS",
            "how long an upstream of a pull-through cache may take for a narinfo; half of it to "
            "connect",
            {10, 600'000},
            [](Config& config) -> auto& { return config.upstreams.timeout; }
        ),
        number(
            "upstream-fetches",
            "N",
            "narinfos that are fetched from upstreams at once",
            {1, 1000},
            [](Config& config) -> auto& { return config.upstreams.fetches; }
        ),
        number(
            "upstream-miss-seconds",
            "SECONDS",
            "how long it is remembered that no upstream has a path",
            {0, 86'400},
            [](Config& config) -> auto& { return config.upstreams.keep_misses; }
        ),
        number(
            "max-connections",
            "N",
            "client connections; more are reset",
            {1, 1'000'000},
            [](Config& config) -> auto& { return config.server.connections; }
        ),
        number(
            "max-pipeline",
            "N",
            "unanswered requests of one connection before reading pauses",
            {1, 1'000'000},
            [](Config& config) -> auto& { return config.server.limits.pipeline; }
        ),
        number(
            "header-limit-bytes",
            "BYTES",
            "size of a request's head; larger is answered with 431",
            {256, 1'048'576},
            [](Config& config) -> auto& { return config.server.limits.header_bytes; }
        ),
        number(
            "header-timeout-seconds",
            "SECONDS",
            "how long a request's head may take to arrive",
            {1, 3600},
            [](Config& config) -> auto& { return config.server.limits.header; }
        ),
        number(
            "idle-timeout-seconds",
            "SECONDS",
            "how long a connection may stay without a request",
            {1, 86'400},
            [](Config& config) -> auto& { return config.server.limits.idle; }
        ),
        number(
            "send-timeout-seconds",
            "SECONDS",
            "how long a client may take no byte of its answer",
            {1, 3600},
            [](Config& config) -> auto& { return config.server.limits.send; }
        ),
        boolean(
            "access-log",
            "",
            "log a line for each request",
            [](Config& config) -> bool& { return config.server.access_log; }
        ),
        {"log-level",
         "LEVEL",
         "debug, info, warn or error",
         set_log_level,
         [](const Config& config) { return config.log_level; }},
    };
}

std::vector<Setting> make_settings() {
    auto all = read_settings();
    for (auto& each : count_settings()) all.push_back(std::move(each));
    for (auto& each : upload_settings()) all.push_back(std::move(each));
    for (auto& each : instance_settings()) all.push_back(std::move(each));
    for (auto& each : region_settings()) all.push_back(std::move(each));
    return all;
}

}  // namespace

std::span<const Setting> settings() {
    static const auto all = make_settings();
    return all;
}

}  // namespace narthex::app
