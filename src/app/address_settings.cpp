// Where a server listens: part of the table in settings.cpp.
#include "setting_kinds.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <array>

namespace narthex::app {

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

Result<void> set_public_url(Config& config, const std::string& given) {
    if (!given.empty() && !given.starts_with("http://") && !given.starts_with("https://")) {
        return Error{fmt::format("\"{}\" doesn't start with http:// or https://", given)};
    }
    config.handler.public_url = given.substr(0, given.find_last_not_of('/') + 1);
    return {};
}

}  // namespace

std::vector<Setting> address_settings() {
    return {
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
    };
}

}  // namespace narthex::app
