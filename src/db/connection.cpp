#include "narthex/db/connection.hpp"

#include "pqxx.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/socket.h>

#include <atomic>

namespace narthex::db {

namespace {

constexpr int k_attempts = 3;

// A host that has gone silent is given up within these: without, a connection would wait for hours.
struct TimeLimit {
    const char* keyword;
    const char* value;
};
constexpr TimeLimit k_time_limits[] = {
    {"connect_timeout", "3"},  // seconds
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

// Settings go into the connection string: libpqxx 6.4 reconnects by itself and loses SET state.
// Plans made while the tables are empty must still be index scans when they hold millions.
constexpr const char* k_index_scan_options =
    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off"
    " -c enable_mergejoin=off -c enable_bitmapscan=off -c jit=off";
constexpr const char* k_serving_options =
    " -c default_transaction_read_only=on -c statement_timeout=5s";

std::string with_session(const std::string& uri, Session session) {
    const auto options = parse_uri(uri);
    std::string out;
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr || std::string_view(option->keyword) == "options") continue;
        out += fmt::format("{}={} ", option->keyword, conninfo_value(option->val));
    }
    auto settings =
        value_of(options, "options") + " -c client_encoding=UTF8 -c client_min_messages=warning";
    if (session != Session::work) settings += k_index_scan_options;
    if (session == Session::serving) settings += k_serving_options;
    out += fmt::format("options={} ", conninfo_value(settings));
    for (const auto& [keyword, value] : k_time_limits) {
        if (value_of(options, keyword).empty()) out += fmt::format("{}={} ", keyword, value);
    }
    return out + "fallback_application_name=narthex";
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

// libpq's text without the trailing lines; it names no password.
std::string reason_of(const std::exception& error) {
    auto line = first_line(error.what());
    const auto fatal = line.find("FATAL:  ");
    return fatal == std::string::npos ? line : line.substr(fatal + 8);
}

}  // namespace

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

struct Connection::Impl {
    explicit Impl(const std::string& uri, Session session)
        : address(describe_address(uri)), connection(with_session(uri, session)) {
        socket = connection.sock();
    }

    // Gives libpqxx's exceptions our names.
    template <class F>
    void translated(F&& job) {
        try {
            job();
        } catch (const pqxx::broken_connection& error) {
            fail_unavailable(error);
        } catch (const pqxx::in_doubt_error& error) {
            broken = true;
            throw InDoubt("the database went away during a commit: " + reason_of(error));
        } catch (const pqxx::sql_error& error) {
            // A backend that is told to stop says so by an SQLSTATE of class 57P (or breaks off).
            if (error.sqlstate().starts_with("57P") || !connection.is_open()) {
                fail_unavailable(error);
            }
            throw QueryFailed(first_line(error.what()), error.sqlstate());
        } catch (const pqxx::failure& error) {
            // A COPY whose connection breaks says no more than this.
            fail_unavailable(error);
        }
    }

    [[noreturn]] void fail_unavailable(const std::exception& error) {
        broken = true;
        throw Unavailable(fmt::format("the database at {} is away: {}", address, reason_of(error)));
    }

    template <class Transaction>
    void run(const std::function<void(Tx&)>& job) {
        translated([&] {
            // Never on a connection that libpqxx 6.4 would silently replace.
            if (!connection.is_open()) throw pqxx::broken_connection("connection lost");
            Transaction transaction(connection);
            Tx tx{connection, transaction, prepared};
            job(tx);
            transaction.commit();
        });
    }

    std::string address;
    pqxx::connection connection;
    std::set<const Statement*> prepared;
    std::atomic<int> socket = -1;
    bool broken = false;
};

Connection::Connection(const std::string& uri, Session session) {
    const auto address = describe_address(uri);
    try {
        impl_ = std::make_unique<Impl>(uri, session);
    } catch (const pqxx::failure& error) {
        throw Unavailable(fmt::format("no database at {}: {}", address, reason_of(error)));
    }
}

Connection::~Connection() = default;

void Connection::read(const std::function<void(Tx&)>& job) {
    impl_->run<pqxx::transaction<
        pqxx::isolation_level::read_committed,
#if PQXX_VERSION_MAJOR < 7
        pqxx::readwrite_policy::read_only
#else
        pqxx::write_policy::read_only
#endif
        >>(job);
}

void Connection::write(const std::function<void(Tx&)>& job) {
    for (int attempt = 1;; ++attempt) {
        try {
            return impl_->run<pqxx::work>(job);
        } catch (const QueryFailed& error) {
            // Serialization failure, deadlock: the others of class 40 don't say what happened.
            const auto& state = error.sqlstate();
            const bool rolled_back = state == "40001" || state == "40P01";
            if (!rolled_back || attempt == k_attempts) throw;
        }
    }
}

bool Connection::broken() const {
    return impl_->broken;
}

void Connection::interrupt() noexcept {
    ::shutdown(impl_->socket, SHUT_RDWR);
}

void prepare(Tx& tx, const Statement& statement) {
    if (!tx.prepared.insert(&statement).second) return;
    tx.connection.prepare(statement.name, statement.text);
}

std::string bytea_array(std::span<const HashPart> hashes) {
    std::string out = "{";
    for (const auto& hash : hashes) {
        if (out.size() > 1) out += ',';
        out += "\"\\\\x" + to_hex(hash.bytes()) + '"';
    }
    return out + "}";
}

std::string text_array(std::span<const std::string> texts) {
    std::string out = "{";
    for (const auto& text : texts) {
        if (out.size() > 1) out += ',';
        out += '"';
        for (const char c : text) {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
        out += '"';
    }
    return out + "}";
}

std::string int_array(std::span<const int> numbers) {
    return fmt::format("{{{}}}", fmt::join(numbers, ","));
}

std::vector<std::string> to_texts(const pqxx::field& field) {
    std::vector<std::string> out;
    auto parser = field.as_array();
    for (auto item = parser.get_next(); item.first != pqxx::array_parser::juncture::done;
         item = parser.get_next()) {
        if (item.first == pqxx::array_parser::juncture::string_value) out.push_back(item.second);
    }
    return out;
}

HashPart to_hash_part(const pqxx::field& field) {
    const auto bytes = from_hex(std::string_view(field.c_str()).substr(2));
    std::array<unsigned char, HashPart::k_size> part{};
    if (!bytes || bytes->size() != part.size())
        throw std::logic_error("a hash column is malformed");
    std::copy(bytes->begin(), bytes->end(), part.begin());
    return HashPart(part);
}

}  // namespace narthex::db
