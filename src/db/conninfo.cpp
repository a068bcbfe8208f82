#include "conninfo.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <cstdlib>

namespace narthex::db {

namespace {

// A host that has gone silent is given up within these: without, a connection would wait for hours.
struct TimeLimit {
    const char* keyword;
    const char* value;
};
constexpr TimeLimit k_connect_limit{"connect_timeout", "3"};  // seconds
constexpr TimeLimit k_time_limits[] = {
    k_connect_limit,
    {"keepalives_idle", "5"},
    {"keepalives_interval", "2"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "10000"},  // milliseconds
};

struct FreeConninfo {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Conninfo = std::unique_ptr<PQconninfoOption, FreeConninfo>;

// Null when libpq can't read it.
Conninfo parse_conninfo(const std::string& uri) {
    char* reason = nullptr;
    Conninfo options(PQconninfoParse(uri.c_str(), &reason));
    // libpq's reason quotes the text, which may hold a password.
    const std::unique_ptr<char, void (*)(void*)> owner(reason, PQfreemem);
    return options;
}

Conninfo parse_uri(const std::string& uri) {
    auto options = parse_conninfo(uri);
    if (!options) throw std::logic_error("a database URI that has not been checked");
    return options;
}

std::string value_of(const Conninfo& options, std::string_view keyword) {
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->keyword == keyword && option->val != nullptr) return option->val;
    }
    return {};
}

std::string conninfo_value(std::string_view value) {
    std::string out = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

// RFC 3986, 2.1.
std::string percent_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || std::string_view("-._~").find(c) != text.npos;
        if (plain) {
            out += c;
        } else {
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

bool is_of_transport(std::string_view keyword) {
    return keyword.starts_with("ssl") || keyword == "channel_binding" || keyword == "gssencmode" ||
           keyword == "connect_timeout";
}

std::string bracketed(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

// Settings go into the connection string: libpqxx 6.4 reconnects by itself and loses SET state.
// Plans made while the tables are empty must still be index scans when they hold millions.
constexpr const char* k_index_scan_options =
    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off"
    " -c enable_mergejoin=off -c enable_bitmapscan=off -c jit=off";
constexpr const char* k_serving_options =
    " -c default_transaction_read_only=on -c statement_timeout={}ms";

// What serves has to end in time, whatever a URI says: an invite's, for one, is for PostgreSQL.
bool is_too_patient(std::string_view keyword, const std::string& given, Session session) {
    if (session == Session::work || keyword != k_connect_limit.keyword) return false;
    const int seconds = std::atoi(given.c_str());  // 0: for ever
    return seconds <= 0 || seconds > std::atoi(k_connect_limit.value);
}

}  // namespace

std::string with_session(const std::string& uri, Session session, std::chrono::milliseconds limit) {
    const auto options = parse_uri(uri);
    std::string out;
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr || std::string_view(option->keyword) == "options") continue;
        out += fmt::format("{}={} ", option->keyword, conninfo_value(option->val));
    }
    auto settings =
        value_of(options, "options") + " -c client_encoding=UTF8 -c client_min_messages=warning";
    if (session != Session::work) settings += k_index_scan_options;
    if (session == Session::serving) settings += fmt::format(k_serving_options, limit.count());
    out += fmt::format("options={} ", conninfo_value(settings));
    for (const auto& [keyword, value] : k_time_limits) {
        const auto given = value_of(options, keyword);
        const bool is_ours = given.empty() || is_too_patient(keyword, given, session);
        if (is_ours) out += fmt::format("{}={} ", keyword, value);  // the last one counts
    }
    return out + "fallback_application_name=narthex";
}

Result<void> check_uri(const std::string& uri) {
    const auto options = parse_conninfo(uri);
    bool good = options != nullptr;
    for (const auto* keyword : {"host", "hostaddr", "port", "dbname"}) {
        if (!good) break;
        const auto value = value_of(options, keyword);
        good = value.find('@') == std::string::npos && value.find("://") == std::string::npos;
    }
    if (good) {
        const auto port = value_of(options, "port");
        good = port.find_first_not_of("0123456789,") == std::string::npos;
    }
    if (good) return {};
    return Error{
        "is malformed: postgresql://USER:PASSWORD@HOST/NAME is wanted, with @ : / % in the "
        "password "
        "percent-encoded"};
}

std::string uri_for(const std::string& uri, const Login& login) {
    const auto options = parse_uri(uri);
    const bool elsewhere = !login.host.empty();
    std::string query;
    const auto add = [&query](std::string_view keyword, const std::string& value) {
        if (value.empty()) return;
        query += fmt::format("{}{}={}", query.empty() ? '?' : '&', keyword, percent_encode(value));
    };
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        const std::string_view keyword = option->keyword;
        if (option->val == nullptr) continue;
        const bool of_address = keyword == "host" || keyword == "hostaddr" || keyword == "port";
        if (of_address ? !elsewhere : is_of_transport(keyword)) add(keyword, option->val);
    }
    if (value_of(options, "connect_timeout").empty()) add("connect_timeout", "10");  // seconds
    return fmt::format(
        "postgresql://{}:{}@{}{}/{}{}",
        percent_encode(login.user),
        percent_encode(login.password),
        elsewhere ? bracketed(login.host) : "",
        elsewhere && !login.port.empty() ? ":" + login.port : "",
        percent_encode(value_of(options, "dbname")),
        query
    );
}

std::string user_of(const std::string& uri) {
    return value_of(parse_uri(uri), "user");
}

std::string password_of(const std::string& uri) {
    return value_of(parse_uri(uri), "password");
}

std::string describe_address(const std::string& uri) {
    const auto options = parse_uri(uri);
    auto host = value_of(options, "host");
    if (host.empty()) host = value_of(options, "hostaddr");
    if (host.empty()) host = "/var/run/postgresql";
    auto port = value_of(options, "port");
    if (port.empty()) port = "5432";
    auto name = value_of(options, "dbname");
    return fmt::format("{}:{}{}", host, port, name.empty() ? "" : " (database " + name + ")");
}

}  // namespace narthex::db
