// The only door to PostgreSQL. A Connection runs jobs in transactions; the functions of layer db
// take the job's Tx and never commit. One thread at a time uses a Connection and all that hangs off
// it. libpqxx stays behind this header (src/db/pqxx.hpp), so that 6.4 and 7.10 look the same.
//
// Errors: Unavailable when the database can't be reached or went away (replace the Connection),
// QueryFailed for what the database refused, NotPrimary for writes where this instance isn't the
// primary, InDoubt when a commit got no answer.
#pragma once

#include "narthex/core/error.hpp"

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace narthex::db {

class Unavailable : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Nobody knows whether the commit happened. Never retried blindly.
class InDoubt : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class QueryFailed : public std::runtime_error {
  public:
    QueryFailed(const std::string& message, std::string sqlstate)
        : std::runtime_error(message), sqlstate_(std::move(sqlstate)) {}
    [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }

  private:
    std::string sqlstate_;
};

// A write to what is replicated, on a region or on a primary that another has replaced
// (migrations/0008_regions.sql, only_primary_writes). Its text says where to write instead.
class NotPrimary : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class Session {
    work,        // commands: PostgreSQL's own settings
    publishing,  // imports: generic plans and index scans, whatever the tables' statistics say
    serving,     // lookups: the same, read only, with a short statement_timeout
};

struct Tx;  // a running transaction; see src/db/pqxx.hpp

class Connection {
  public:
    // Connects within a few seconds or throws Unavailable, which names the address, never the
    // password. `uri` is in either of libpq's forms and has passed check_uri.
    Connection(const std::string& uri, Session session);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Runs `job` in a READ ONLY transaction.
    void read(const std::function<void(Tx&)>& job);

    // Runs `job` and commits. After a serialization failure or a deadlock it is run again, three
    // times in all: `job` touches nothing outside its transaction that it doesn't reset.
    void write(const std::function<void(Tx&)>& job);

    // True once it has failed; the owner replaces it.
    [[nodiscard]] bool broken() const;

    // Makes a blocked call fail soon with Unavailable. Any thread; for shutting down.
    void interrupt() noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// An error when libpq can't read `uri`, or would take a part of the password for a host or a
// database, as it does with an unescaped '@' or '/' in it: libpq's messages repeat those.
[[nodiscard]] Result<void> check_uri(const std::string& uri);

// "127.0.0.1:5432 (database narthex)" or the socket's path: for messages, without the password.
// `uri` has passed check_uri.
[[nodiscard]] std::string describe_address(const std::string& uri);

// Another role's way to the database of a URI.
struct Login {
    std::string user;
    std::string password;
    std::string host;  // empty: the URI's, with its port
    std::string port;
};

// `uri`, which has passed check_uri, as postgresql://... for `login`: with its own database and
// TLS, a limit on how long connecting takes, and nothing else.
[[nodiscard]] std::string uri_for(const std::string& uri, const Login& login);

// What `uri`, which has passed check_uri, names; may be empty.
[[nodiscard]] std::string user_of(const std::string& uri);
[[nodiscard]] std::string password_of(const std::string& uri);

}  // namespace narthex::db
