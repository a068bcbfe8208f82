#include "support/cluster_fixture.hpp"

#include "narthex/db/cluster.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

namespace narthex::test {
namespace {

namespace fs = std::filesystem;

using ClusterLife = ClusterTest;

TEST_F(ClusterLife, open_creates_and_starts_and_close_stops) {
    pid_t server = 0;
    {
        const auto cluster = open();
        server = postmaster();
        EXPECT_TRUE(is_alive(server));
        EXPECT_EQ(
            query(cluster->uri(), "SELECT current_database() || current_user"), "narthexnarthex"
        );
        EXPECT_EQ(query(cluster->uri_for("postgres"), "SELECT current_database()"), "postgres");
        EXPECT_EQ(cluster->data_dir(), data_dir_);
    }
    EXPECT_TRUE(eventually([&] { return !is_alive(server); }));
    EXPECT_EQ(postmaster(), 0);
}

TEST_F(ClusterLife, data_outlives_a_close) {
    execute(open()->uri(), "CREATE TABLE kept AS SELECT 42 AS answer");
    EXPECT_EQ(query(open()->uri(), "SELECT answer FROM kept"), "42");
}

TEST_F(ClusterLife, a_new_cluster_has_the_settings_we_rely_on) {
    const auto cluster = open();
    const std::vector<std::pair<const char*, const char*>> expected = {
        {"server_encoding", "UTF8"},
        {"lc_collate", "C"},
        {"wal_level", "logical"},
        {"listen_addresses", ""},
        {"max_connections", "100"},
        {"default_toast_compression", "lz4"},
        {"fsync", "off"},  // tests only
    };
    for (const auto& [name, value] : expected) {
        EXPECT_EQ(query(cluster->uri(), std::string("SHOW ") + name), value) << name;
    }
}

TEST_F(ClusterLife, the_last_one_out_stops_it) {
    const auto first = sharer();
    ASSERT_TRUE(first->is_ready());
    const auto second = sharer();
    ASSERT_TRUE(second->is_ready());
    const pid_t server = postmaster();
    EXPECT_TRUE(first->finish());
    EXPECT_TRUE(is_alive(server));
    EXPECT_TRUE(second->finish());
    EXPECT_TRUE(eventually([&] { return !is_alive(server); }));
}

TEST_F(ClusterLife, two_openings_in_one_process_count_twice) {
    auto first = open();
    auto second = open();
    first.reset();
    EXPECT_EQ(query(second->uri(), "SELECT 1"), "1");
    EXPECT_EQ(second->uri(), open()->uri());
    EXPECT_EQ(query(second->uri(), "SELECT 1"), "1");
}

TEST_F(ClusterLife, eight_processes_open_a_new_directory_at_once) {
    std::vector<std::unique_ptr<OtherProcess>> processes;
    for (int i = 0; i < 8; ++i) processes.push_back(sharer());
    for (const auto& process : processes) EXPECT_TRUE(process->is_ready());
    const pid_t server = postmaster();
    for (const auto& process : processes) {
        EXPECT_TRUE(is_alive(server));
        EXPECT_TRUE(process->finish());
    }
    EXPECT_TRUE(eventually([&] { return !is_alive(server); }));
}

TEST_F(ClusterLife, processes_come_and_go_without_breaking_each_other) {
    static_cast<void>(open());
    std::vector<std::unique_ptr<OtherProcess>> processes;
    for (int i = 0; i < 4; ++i) {
        processes.push_back(std::make_unique<OtherProcess>([this](const auto& ready_then_wait) {
            for (int round = 0; round < 5; ++round) {
                const auto cluster = open();
                static_cast<void>(query(cluster->uri(), "SELECT 1"));
            }
            ready_then_wait();
        }));
    }
    for (const auto& process : processes) EXPECT_TRUE(process->is_ready());
    for (const auto& process : processes) EXPECT_TRUE(process->finish());
    EXPECT_EQ(postmaster(), 0);
}

TEST_F(ClusterLife, a_forked_child_has_no_share_of_its_own) {
    auto cluster = open();
    OtherProcess child([&](const auto&) { cluster.reset(); });
    EXPECT_TRUE(child.finish());
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
}

TEST_F(ClusterLife, revive_leaves_a_living_one_alone) {
    const auto cluster = open();
    const pid_t server = postmaster();
    cluster->revive();
    EXPECT_EQ(postmaster(), server);
}

// narthex import | cat
TEST_F(ClusterLife, postgres_holds_nobodys_pipe) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    auto starter = std::make_unique<OtherProcess>([&](const auto& ready_then_wait) {
        ::dup2(pipe[1], STDOUT_FILENO);
        ::dup2(pipe[1], STDERR_FILENO);
        const auto cluster = open();
        ready_then_wait();
    });
    ::close(pipe[1]);
    ASSERT_TRUE(starter->is_ready());
    starter->kill();
    pollfd event{pipe[0], POLLIN, 0};
    char byte = 0;
    EXPECT_EQ(::poll(&event, 1, 10000), 1);
    EXPECT_EQ(::read(pipe[0], &byte, 1), 0);  // the end
    EXPECT_TRUE(is_alive(postmaster()));
    ::close(pipe[0]);
    static_cast<void>(open());
}

TEST_F(ClusterLife, postgres_is_in_no_session_of_ours) {
    const auto cluster = open();
    EXPECT_NE(::getsid(postmaster()), ::getsid(0));
    EXPECT_NE(::getpgid(postmaster()), ::getpgid(0));
}

// The sockets of the processes' network namespace that `file` lists.
std::set<std::string> inodes_in(const fs::path& file) {
    std::ifstream stream(file);
    std::set<std::string> result;
    for (std::string line; std::getline(stream, line);) {
        std::istringstream words(line);
        std::string word;
        for (int i = 0; i < 10; ++i) words >> word;
        result.insert("socket:[" + word + "]");
    }
    return result;
}

TEST_F(ClusterLife, there_is_no_tcp_port) {
    const auto cluster = open();
    execute(cluster->uri(), "ALTER SYSTEM SET listen_addresses = '*'");
    ::kill(postmaster(), SIGKILL);
    cluster->revive();
    EXPECT_EQ(query(cluster->uri(), "SHOW listen_addresses"), "");
    const fs::path process = "/proc/" + std::to_string(postmaster());
    int sockets = 0;
    for (const auto& entry : fs::directory_iterator(process / "fd")) {
        const std::string target = fs::read_symlink(entry.path());
        if (target.rfind("socket:", 0) == 0) ++sockets;
        EXPECT_EQ(inodes_in(process / "net/tcp").count(target), 0U) << target;
        EXPECT_EQ(inodes_in(process / "net/tcp6").count(target), 0U) << target;
    }
    EXPECT_GT(sockets, 0);
}

TEST_F(ClusterLife, the_environment_does_not_lead_elsewhere) {
    ::setenv("PGHOSTADDR", "127.0.0.1", 1);
    ::setenv("PGDATA", "/nonexistent", 1);
    ::setenv("PGPORT", "1", 1);
    const auto cluster = open();
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
    for (const char* name : {"PGHOSTADDR", "PGDATA", "PGPORT"}) ::unsetenv(name);
}

TEST_F(ClusterLife, a_path_too_long_for_a_socket_works) {
    data_dir_ = directory_ / std::string(120, 'x') / "data";
    const auto cluster = open();
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
    const auto other = sharer();
    EXPECT_TRUE(other->is_ready());
    EXPECT_TRUE(other->finish());
    std::ifstream record(data_dir_ / "socket-dir");
    std::string sockets;
    std::getline(record, sockets);
    struct stat now {};
    ASSERT_EQ(::lstat(sockets.c_str(), &now), 0);
    EXPECT_TRUE(S_ISDIR(now.st_mode));
    EXPECT_EQ(now.st_mode & 07777, 0700U);
    EXPECT_EQ(now.st_uid, cluster->owner_uid());
    EXPECT_NE(cluster->uri().find(sockets), std::string::npos);
    fs::remove_all(sockets);
}

TEST_F(ClusterLife, odd_characters_in_the_path_work) {
    data_dir_ = directory_ / "it's a, \"data\" \\dir";
    execute(open()->uri(), "CREATE TABLE t ()");
    fs::remove_all(fs::path(query(
        open()->uri(),
        "SELECT trim('\"' FROM current_setting("
        "'unix_socket_directories'))"
    )));
}

}  // namespace
}  // namespace narthex::test
