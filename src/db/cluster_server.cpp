#include "cluster_server.hpp"

#include "cluster_files.hpp"
#include "cluster_postmaster.hpp"
#include "cluster_regions.hpp"

#include "narthex/db/cluster.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>

namespace narthex::db {

namespace {

std::string quote(const std::string& value) {
    std::string result = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') result += '\\';
        result += c;
    }
    return result + '\'';
}

// For our own short errands.
std::string errand_string(const DataDir& dir) {
    const ActingAs owner(dir.owner);
    return connection_string({socket_dir(dir), port_of(dir)}, "postgres") + " connect_timeout=5";
}

[[noreturn]] void fail(const DataDir& dir, const std::string& what, std::string why) {
    why.erase(why.find_last_not_of(" \n") + 1);
    throw ClusterError(what + " in " + dir.path.string() + ": " + why);
}

// Brings PostgreSQL up, one look at it at a time.
class Starter {
  public:
    Starter(const DataDir& dir, const FileLock& control) : dir_(dir), control_(control) {}

    // True when it answers. Throws when it can't.
    bool step() {
        if (answers(dir_)) return true;
        const auto now = std::chrono::steady_clock::now();
        if (find_postmaster(dir_)) {
            look_for_socket(now);
            end_endless_stop(now);
        } else if (!started_) {
            start();
        } else if (!is_running(started_->pid)) {
            require_passing(explain(dir_, *started_));
            started_.reset();
        }
        return false;
    }

    // What kept it from starting so far; empty if nothing did.
    [[nodiscard]] const std::string& obstacle() const { return obstacle_; }

  private:
    void start() {
        const Binaries binaries = find_binaries_as_owner();
        create_cluster(dir_, binaries, control_);
        started_ = start_postmaster(dir_, binaries);
    }

    Binaries find_binaries_as_owner() {
        const ActingAs owner(dir_.owner);
        return find_binaries(dir_);
    }

    void require_passing(const Failure& failure) {
        if (!failure.passes) fail(dir_, "PostgreSQL doesn't start", failure.reason);
        obstacle_ = failure.reason;
    }

    // Whoever cleans the runtime directory leaves a PostgreSQL that nobody can reach any more.
    void look_for_socket(Deadline now) {
        constexpr std::chrono::seconds k_patience(3);
        const ActingAs owner(dir_.owner);
        if (std::filesystem::exists(socket_dir(dir_) / socket_name(port_of(dir_)))) {
            socket_missing_since_.reset();
        } else if (!socket_missing_since_) {
            socket_missing_since_ = now;
        } else if (now - *socket_missing_since_ > k_patience) {
            stop_postmaster(dir_, now + std::chrono::seconds(30));
            started_.reset();
        }
    }

    // One that was told to stop at the wrong moment never does; see stop_postmaster.
    void end_endless_stop(Deadline now) {
        constexpr std::chrono::seconds k_patience(5);
        if (!is_shutting_down(dir_)) {
            stopping_since_.reset();
        } else if (!stopping_since_) {
            stopping_since_ = now;
        } else if (now - *stopping_since_ > k_patience) {
            stop_postmaster(dir_, now + std::chrono::seconds(40));
            stopping_since_.reset();
            started_.reset();
        }
    }

    const DataDir& dir_;
    const FileLock& control_;
    std::optional<Start> started_;
    std::string obstacle_;
    std::optional<Deadline> socket_missing_since_;
    std::optional<Deadline> stopping_since_;
};

[[noreturn]] void give_up(const DataDir& dir, const std::string& obstacle) {
    if (!obstacle.empty()) fail(dir, "PostgreSQL doesn't start", obstacle);
    throw ClusterError(
        "PostgreSQL in " + dir.path.string() +
        " doesn't answer yet (crash recovery may take long) and goes on; try again, or see " +
        Layout(dir.path).log.string()
    );
}

struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
    void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Finish>;
using Rows = std::unique_ptr<PGresult, Finish>;

bool has_database(const DataDir& dir, PGconn* connection) {
    const char* find = "SELECT 1 FROM pg_database WHERE datname = 'narthex'";
    const Rows rows(PQexec(connection, find));
    if (PQresultStatus(rows.get()) == PGRES_TUPLES_OK) return PQntuples(rows.get()) > 0;
    fail(dir, "cannot prepare PostgreSQL", PQerrorMessage(connection));
}

}  // namespace

// hostaddr is named because PGHOSTADDR in the environment would win over host.
std::string connection_string(const Socket& socket, const std::string& dbname) {
    return "host=" + quote(socket.directory.string()) +
           " hostaddr='' port=" + std::to_string(socket.port) + " dbname=" + quote(dbname) +
           " user=narthex";
}

bool answers(const DataDir& dir) {
    return PQping(errand_string(dir).c_str()) == PQPING_OK;
}

void await_recovery(const DataDir& dir, Deadline deadline) {
    constexpr std::chrono::milliseconds k_pause(20);
    while (PQping(errand_string(dir).c_str()) == PQPING_REJECT &&
           std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(k_pause);
    }
}

void ensure_running(const DataDir& dir, const FileLock& control, Deadline deadline) {
    constexpr std::chrono::milliseconds k_first_pause(10);
    constexpr std::chrono::milliseconds k_longest_pause(200);
    Starter starter(dir, control);
    for (auto pause = k_first_pause; !starter.step();
         pause = std::min(2 * pause, k_longest_pause)) {
        if (std::chrono::steady_clock::now() >= deadline) {
            give_up(dir, starter.obstacle());
        }
        std::this_thread::sleep_for(pause);
    }
}

// In the code, not in sql/: those statements are for database narthex, once it is there.
void ensure_database(const DataDir& dir) {
    const Connection connection(PQconnectdb(errand_string(dir).c_str()));
    PGconn* handle = connection.get();
    if (PQstatus(handle) != CONNECTION_OK) {
        fail(dir, "cannot connect to PostgreSQL", PQerrorMessage(handle));
    }
    // Whoever was killed while it made the database may have left a backend that still does: then
    // ours fails, and the next look finds it.
    constexpr int attempts = 3;
    for (int attempt = 1; !has_database(dir, handle); ++attempt) {
        const Rows made(PQexec(handle, "CREATE DATABASE narthex"));
        if (PQresultStatus(made.get()) == PGRES_COMMAND_OK) return;
        if (attempt == attempts) {
            fail(dir, "cannot prepare PostgreSQL", PQerrorMessage(handle));
        }
    }
}

}  // namespace narthex::db
