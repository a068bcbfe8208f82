#include "narthex/db/connection.hpp"

#include "conninfo.hpp"
#include "pqxx.hpp"
#include "refused.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <atomic>

namespace narthex::db {

namespace {

constexpr int k_attempts = 3;

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

// libpq's text without the trailing lines; it names no password.
std::string reason_of(const std::exception& error) {
    auto line = first_line(error.what());
    const auto fatal = line.find("FATAL:  ");
    return fatal == std::string::npos ? line : line.substr(fatal + 8);
}

// An element of an array in PostgreSQL's text form.
void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    out += '"';
}

}  // namespace

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
            throw_refused(first_line(error.what()), error.sqlstate());
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
#if PQXX_VERSION_MAJOR < 7
    tx.connection.prepare_now(statement.name);  // else at the first use, wherever that is
#endif
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
        append_quoted(out, text);
    }
    return out + "}";
}

std::string text_array(std::span<const std::optional<std::string>> texts) {
    std::string out = "{";
    for (const auto& text : texts) {
        if (out.size() > 1) out += ',';
        if (!text) out += "null";
        if (text) append_quoted(out, *text);
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
