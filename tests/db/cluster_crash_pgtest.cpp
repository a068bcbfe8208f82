#include "support/cluster_fixture.hpp"

#include "narthex/db/cluster.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>
#include <vector>

namespace narthex::test {
namespace {

namespace fs = std::filesystem;

class ClusterCrash : public ClusterTest {
  protected:
    void kill_postmaster() const {
        const pid_t server = postmaster();
        ::kill(server, SIGKILL);
        EXPECT_TRUE(eventually([&] { return !is_alive(server); }));
    }

    [[nodiscard]] bool log_says(const std::string& words) const {
        std::ifstream in(data_dir_ / "postgres.log");
        const std::string text(std::istreambuf_iterator<char>(in), {});
        return text.find(words) != std::string::npos;
    }

    // Puts another process's number where PostgreSQL left its own.
    void rewrite_pid_file(pid_t pid) const {
        const fs::path file = data_dir_ / "postgres/postmaster.pid";
        std::ifstream in(file);
        std::string text(std::istreambuf_iterator<char>(in), {});
        text.replace(0, text.find('\n'), std::to_string(pid));
        std::ofstream(file) << text;
    }
};

TEST_F(ClusterCrash, a_sharing_process_killed_leaves_the_others_at_work) {
    const auto victim = sharer();
    ASSERT_TRUE(victim->is_ready());
    const auto cluster = open();
    victim->kill();
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
}

TEST_F(ClusterCrash, the_sole_process_killed_leaves_postgres_to_the_next) {
    const auto victim = sharer();
    ASSERT_TRUE(victim->is_ready());
    victim->kill();
    const pid_t server = postmaster();
    EXPECT_TRUE(is_alive(server));
    auto next = open();
    EXPECT_EQ(postmaster(), server);
    next.reset();
    EXPECT_TRUE(eventually([&] { return !is_alive(server); }));
}

TEST_F(ClusterCrash, revive_restarts_a_killed_postmaster_with_all_that_was_committed) {
    const auto cluster = open();
    execute(cluster->uri(), "CREATE TABLE kept AS SELECT generate_series(1, 1000)");
    kill_postmaster();
    cluster->revive();
    EXPECT_EQ(query(cluster->uri(), "SELECT count(*) FROM kept"), "1000");
}

TEST_F(ClusterCrash, open_restarts_a_killed_postmaster_under_its_users) {
    const auto cluster = open();
    kill_postmaster();
    const auto other = sharer();
    EXPECT_TRUE(other->is_ready());
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
    EXPECT_TRUE(other->finish());
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
}

TEST_F(ClusterCrash, a_backend_that_outlives_its_postmaster_is_waited_for) {
    const auto cluster = open();
    const OtherProcess client([&](const auto&) {
        try {
            static_cast<void>(query(cluster->uri(), "SELECT pg_sleep(600)"));
        } catch (const std::exception&) {
            // Its server is killed.
        }
    });
    const std::string find =
        "SELECT coalesce(max(pid), 0) FROM pg_stat_activity "
        "WHERE query = 'SELECT pg_sleep(600)'";
    ASSERT_TRUE(eventually([&] { return query(cluster->uri(), find) != "0"; }));
    const pid_t backend = std::stoi(query(cluster->uri(), find));
    ::kill(backend, SIGSTOP);  // so that it can't notice the postmaster's death
    kill_postmaster();
    std::thread waker([&] {
        EXPECT_TRUE(eventually([&] { return log_says("pre-existing shared memory block"); }));
        ::kill(backend, SIGCONT);
    });
    cluster->revive();
    waker.join();
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
}

TEST_F(ClusterCrash, many_threads_and_processes_revive_it_once) {
    const auto cluster = open();
    kill_postmaster();
    std::vector<std::unique_ptr<OtherProcess>> processes;
    for (int i = 0; i < 3; ++i) {
        processes.push_back(std::make_unique<OtherProcess>([&](const auto&) {
            cluster->revive();
            static_cast<void>(query(cluster->uri(), "SELECT 1"));
        }));
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { cluster->revive(); });
    for (std::thread& thread : threads) thread.join();
    for (const auto& process : processes) EXPECT_TRUE(process->finish());
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
}

// As in a container whose first process waits for nobody's children.
TEST_F(ClusterCrash, a_postmaster_that_died_unburied_is_replaced) {
    OtherProcess reaper([&](const auto& ready_then_wait) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        const auto cluster = open();
        ::kill(postmaster(), SIGKILL);
        cluster->revive();
        ready_then_wait();
    });
    EXPECT_TRUE(reaper.is_ready());
    EXPECT_EQ(query(open()->uri(), "SELECT 1"), "1");
    EXPECT_TRUE(reaper.finish());
}

TEST_F(ClusterCrash, a_pid_file_that_names_another_program_after_a_reboot_is_no_obstacle) {
    const uid_t owner = open()->owner_uid();
    const auto dies_with_postgres = sharer();
    ASSERT_TRUE(dies_with_postgres->is_ready());
    kill_postmaster();
    dies_with_postgres->kill();
    OtherProcess stranger([&](const auto& ready_then_wait) {
        if (::geteuid() == 0) become_user(owner, owner);
        ready_then_wait();
    });
    ASSERT_TRUE(stranger.is_ready());
    rewrite_pid_file(stranger.pid());
    EXPECT_EQ(query(open()->uri(), "SELECT 1"), "1");
    EXPECT_TRUE(stranger.finish());  // nobody signalled it
}

TEST_F(ClusterCrash, a_socket_that_was_cleaned_away_comes_back) {
    const auto cluster = open();
    fs::remove_all(data_dir_ / "run");
    cluster->revive();
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
}

int rounds() {
    const char* value = std::getenv("NARTHEX_TEST_ROUNDS");
    return value != nullptr ? std::atoi(value) : 4;
}

// initdb and the first start take about a second: the points lie all over that.
TEST_F(ClusterCrash, a_creation_killed_anywhere_leaves_nothing_in_the_next_ones_way) {
    const auto seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> point(0, 1200);
    for (int round = 0; round < rounds(); ++round) {
        data_dir_ = directory_ / std::to_string(round);
        const auto victim = sharer();
        static_cast<void>(victim->is_ready(std::chrono::milliseconds(point(random))));
        victim->kill();
        auto cluster = open();
        EXPECT_EQ(query(cluster->uri(), "SELECT current_database()"), "narthex");
        EXPECT_FALSE(fs::exists(data_dir_ / "postgres.new"));
        cluster.reset();
        EXPECT_EQ(postmaster(), 0);
        fs::remove_all(data_dir_);
    }
}

TEST_F(ClusterCrash, processes_killed_anywhere_do_not_break_the_others) {
    const auto cluster = open();
    execute(cluster->uri(), "CREATE TABLE kept AS SELECT 42 AS answer");
    std::mt19937 random(std::random_device{}());
    std::uniform_int_distribution<int> point(0, 40);
    for (int round = 0; round < 4 * rounds(); ++round) {
        if (round % 8 == 0) ::kill(postmaster(), SIGKILL);
        const auto victim = sharer();
        static_cast<void>(victim->is_ready(std::chrono::milliseconds(point(random))));
        victim->kill();
    }
    cluster->revive();
    EXPECT_EQ(query(cluster->uri(), "SELECT answer FROM kept"), "42");
}

}  // namespace
}  // namespace narthex::test
