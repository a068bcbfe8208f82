#include "support/database.hpp"

#include "narthex/db/cluster.hpp"
#include "narthex/db/migrate.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace narthex::test {

namespace {

// Waits for the end of its input, that is of this process, and cleans up after it: a destructor
// wouldn't run after an abort. Stays away from our stdout, which somebody may read to its end.
constexpr const char* k_guardian = R"(
read -r forever
pid=$(head -n 1 "$0/postgres/postmaster.pid" 2>/dev/null) && kill -INT "$pid" 2>/dev/null
for turn in $(seq 300); do
    [ -e "$0/postgres/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
done
rm -rf "$0"
)";

std::string make_directory() {
    const char* base = std::getenv("TMPDIR");
    std::string result = std::string(base != nullptr ? base : "/tmp") + "/narthex-test-XXXXXX";
    if (::mkdtemp(result.data()) == nullptr) throw std::runtime_error("cannot create " + result);
    return result;
}

class TestCluster {
  public:
    TestCluster() : directory_(make_directory()), owner_(::getpid()) {
        start_guardian();
        ::setenv("NARTHEX_TEST_FAST_POSTGRES", "1", 1);
        cluster_ = db::Cluster::open(directory_);
    }

    ~TestCluster() {
        cluster_.reset();
        if (owner_ != ::getpid()) return;
        ::close(alive_);
        ::waitpid(guardian_, nullptr, 0);
    }

    TestCluster(const TestCluster&) = delete;
    TestCluster& operator=(const TestCluster&) = delete;

    db::Cluster& cluster() { return *cluster_; }

    // The name of a database with the schema, made once.
    const std::string& migrated() {
        const std::lock_guard lock(mutex_);
        if (!migrated_.empty()) return migrated_;
        execute(cluster_->uri(), "CREATE DATABASE narthex_template");
        db::migrate(cluster_->uri_for("narthex_template"));
        return migrated_ = "narthex_template";
    }

  private:
    void start_guardian() {
        std::array<int, 2> fds{};
        if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
        const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        guardian_ = ::fork();
        if (guardian_ == 0) {
            ::setsid();
            ::dup2(fds[0], 0);
            ::dup2(null, 1);
            ::dup2(null, 2);
            ::execl("/bin/sh", "sh", "-c", k_guardian, directory_.c_str(), nullptr);
            ::_exit(127);
        }
        ::close(null);
        ::close(fds[0]);
        alive_ = fds[1];
    }

    std::string directory_;
    pid_t owner_;
    pid_t guardian_ = -1;
    int alive_ = -1;  // closed by the kernel when we die
    std::unique_ptr<db::Cluster> cluster_;
    std::mutex mutex_;
    std::string migrated_;
};

TestCluster& shared() {
    static TestCluster instance;
    return instance;
}

std::string fresh_name() {
    static std::atomic<int> count = 0;
    return "test_" + std::to_string(++count);
}

struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
    void operator()(PGresult* result) const { PQclear(result); }
};
using Rows = std::unique_ptr<PGresult, Finish>;

Rows run(const std::string& uri, const std::string& statements) {
    const std::unique_ptr<PGconn, Finish> connection(PQconnectdb(uri.c_str()));
    if (PQstatus(connection.get()) == CONNECTION_OK) {
        Rows rows(PQexec(connection.get(), statements.c_str()));
        const auto status = PQresultStatus(rows.get());
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return rows;
    }
    throw std::runtime_error(PQerrorMessage(connection.get()));
}

}  // namespace

TestDatabase::TestDatabase(Template content) : name_(fresh_name()), uri_(cluster().uri_for(name_)) {
    const std::string source =
        content == Template::migrated ? shared().migrated() : std::string("template1");
    execute(cluster().uri(), "CREATE DATABASE " + name_ + " TEMPLATE " + source);
}

TestDatabase::~TestDatabase() {
    try {
        execute(cluster().uri(), "DROP DATABASE " + name_ + " WITH (FORCE)");
    } catch (const std::exception&) {
        // It goes with the cluster.
    }
}

db::Cluster& TestDatabase::cluster() {
    return shared().cluster();
}

void execute(const std::string& uri, const std::string& statements) {
    run(uri, statements);
}

std::string query(const std::string& uri, const std::string& statement) {
    const Rows rows = run(uri, statement);
    if (PQntuples(rows.get()) == 0) throw std::runtime_error("no row: " + statement);
    return PQgetvalue(rows.get(), 0, 0);
}

}  // namespace narthex::test
