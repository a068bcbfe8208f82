#include "support/cluster_fixture.hpp"

#include "narthex/db/cluster.hpp"

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace narthex::test {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& text, std::ios::openmode mode) {
    std::ofstream(file, mode) << text;
}

uid_t owner_of(const fs::path& path) {
    struct stat now {};
    return ::lstat(path.c_str(), &now) == 0 ? now.st_uid : static_cast<uid_t>(-1);
}

uid_t user_id(const char* name) {
    const passwd* user = ::getpwnam(name);
    return user == nullptr ? static_cast<uid_t>(-1) : user->pw_uid;
}

class ClusterRefusal : public ClusterTest {
  protected:
    void expect_refusal(const std::string& part) const {
        const std::string message = refusal();
        EXPECT_NE(message.find(part), std::string::npos) << message;
        EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
};

TEST_F(ClusterRefusal, newer_and_older_versions) {
    static_cast<void>(open());
    write(data_dir_ / "postgres/PG_VERSION", "99\n", std::ios::trunc);
    expect_refusal("made by PostgreSQL 99, newer than the installed");
    write(data_dir_ / "postgres/PG_VERSION", "9\n", std::ios::trunc);
    expect_refusal("pg_upgrade");
    EXPECT_EQ(postmaster(), 0);
}

TEST_F(ClusterRefusal, a_failed_start_says_why) {
    static_cast<void>(open());
    write(data_dir_ / "postgres/postgresql.conf", "\nshared_buffers = lots\n", std::ios::app);
    expect_refusal("invalid value for parameter \"shared_buffers\": \"lots\"");
}

TEST_F(ClusterRefusal, a_directory_of_something_else_in_the_clusters_place) {
    static_cast<void>(open());
    fs::remove(data_dir_ / "postgres/PG_VERSION");
    expect_refusal("isn't a PostgreSQL cluster");
    EXPECT_TRUE(fs::exists(data_dir_ / "postgres/base"));
}

TEST_F(ClusterRefusal, programs_that_are_not_there) {
    ::setenv("NARTHEX_POSTGRES_BIN", "/nonexistent", 1);
    expect_refusal("NARTHEX_POSTGRES_BIN");
    ::unsetenv("NARTHEX_POSTGRES_BIN");
}

TEST_F(ClusterRefusal, a_file_in_place_of_the_directory) {
    write(data_dir_, "", std::ios::trunc);
    expect_refusal("Not a directory");
}

class ClusterOfRoot : public ClusterRefusal {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    }
};

TEST_F(ClusterOfRoot, everything_in_it_belongs_to_an_unprivileged_user) {
    const auto cluster = open();
    EXPECT_NE(cluster->owner_uid(), 0U);
    EXPECT_EQ(owner_of("/proc/" + std::to_string(postmaster())), cluster->owner_uid());
    EXPECT_EQ(owner_of(data_dir_), cluster->owner_uid());
    for (const auto& entry : fs::recursive_directory_iterator(data_dir_)) {
        EXPECT_EQ(owner_of(entry.path()), cluster->owner_uid()) << entry.path();
    }
}

TEST_F(ClusterOfRoot, postgres_has_no_group_of_roots) {
    const auto cluster = open();
    std::ifstream status("/proc/" + std::to_string(postmaster()) + "/status");
    std::string groups;
    for (std::string line; std::getline(status, line);) {
        if (line.rfind("Groups:", 0) == 0) groups = line;
    }
    EXPECT_EQ(groups, "Groups:\t" + std::to_string(cluster->owner_gid()) + " ");
}

TEST_F(ClusterOfRoot, root_and_the_owner_share_it) {
    const auto cluster = open();
    OtherProcess owner([&](const auto& ready_then_wait) {
        become_user(cluster->owner_uid(), cluster->owner_gid());
        const auto shared = open();
        ::kill(postmaster(), SIGKILL);
        shared->revive();
        static_cast<void>(query(shared->uri(), "SELECT 1"));
        ready_then_wait();
    });
    EXPECT_TRUE(owner.is_ready());
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
    EXPECT_TRUE(owner.finish());
    EXPECT_EQ(query(cluster->uri(), "SELECT 1"), "1");
}

TEST_F(ClusterOfRoot, an_empty_directory_of_roots_is_given_away_and_a_full_one_refused) {
    fs::create_directory(data_dir_);
    EXPECT_NE(open()->owner_uid(), 0U);
    data_dir_ = directory_ / "full";
    fs::create_directory(data_dir_);
    write(data_dir_ / "precious", "", std::ios::trunc);
    expect_refusal("belongs to root");
    EXPECT_EQ(owner_of(data_dir_), 0U);
}

TEST_F(ClusterOfRoot, a_parent_that_the_owner_cannot_enter_is_named) {
    const fs::path closed = directory_ / "closed";
    fs::create_directory(closed);
    fs::permissions(closed, fs::perms(0700));
    data_dir_ = closed / "a/b";
    expect_refusal("who cannot enter " + closed.string() + ";");
    EXPECT_FALSE(fs::exists(data_dir_));
}

TEST_F(ClusterOfRoot, roots_umask_closes_nothing) {
    const mode_t before = ::umask(077);
    data_dir_ = directory_ / "a/b/data";
    EXPECT_EQ(query(open()->uri(), "SELECT 1"), "1");
    ::umask(before);
}

// What libpq says to user `name` when it connects.
std::string connect_as(const char* name, const std::string& uri) {
    const fs::path answer = "/tmp/narthex-answer-" + std::to_string(::getpid());
    OtherProcess process([&](const auto&) {
        become_user(name);
        PGconn* connection = PQconnectdb(uri.c_str());
        std::ofstream(answer) << PQerrorMessage(connection);
        PQfinish(connection);
    });
    EXPECT_TRUE(process.finish());
    std::ifstream stream(answer);
    std::string result;
    std::getline(stream, result);
    fs::remove(answer);
    return result;
}

TEST_F(ClusterOfRoot, another_user_cannot_connect) {
    const auto cluster = open();
    EXPECT_NE(connect_as("nobody", cluster->uri()).find("Permission denied"), std::string::npos);
    fs::permissions(data_dir_, fs::perms(0755));
    fs::permissions(data_dir_ / "run", fs::perms(0755));
    fs::permissions(data_dir_ / "run/.s.PGSQL.5432", fs::perms(0777));
    for (const char* role : {"narthex", "postgres", "nobody"}) {
        const std::string message = connect_as("nobody", cluster->uri() + " user=" + role);
        EXPECT_NE(message.find("Peer authentication failed"), std::string::npos) << message;
    }
}

TEST_F(ClusterOfRoot, a_plain_user_has_one_of_his_own) {
    const fs::path home = directory_ / "home";
    fs::create_directory(home);
    ASSERT_EQ(::chown(home.c_str(), user_id("nobody"), static_cast<gid_t>(-1)), 0);
    data_dir_ = home / ".local/state/narthex";
    OtherProcess user([&](const auto& ready_then_wait) {
        become_user("nobody");
        ::setenv("HOME", home.c_str(), 1);
        ::unsetenv("XDG_STATE_HOME");
        if (db::default_data_dir() != data_dir_) throw std::runtime_error("another default");
        const auto cluster = open();
        static_cast<void>(query(cluster->uri(), "SELECT 1"));
        ready_then_wait();
    });
    ASSERT_TRUE(user.is_ready());
    EXPECT_EQ(owner_of("/proc/" + std::to_string(postmaster())), user_id("nobody"));
    EXPECT_EQ(open()->owner_uid(), user_id("nobody"));  // root is a guest there
    EXPECT_TRUE(user.finish());
    EXPECT_EQ(postmaster(), 0);
}

TEST_F(ClusterOfRoot, a_plain_user_is_refused_at_anothers) {
    fs::create_directory(data_dir_);
    OtherProcess user([&](const auto&) {
        become_user("nobody");
        const std::string message = refusal();
        if (message.find("belongs to root, and you are nobody") == std::string::npos) {
            throw std::runtime_error(message);
        }
    });
    EXPECT_TRUE(user.finish());
}

TEST_F(ClusterOfRoot, a_symbolic_link_of_the_owners_leads_root_nowhere) {
    static_cast<void>(open());
    const fs::path target = directory_ / "roots";
    write(target, "root's", std::ios::trunc);
    fs::remove(data_dir_ / "postgres.log");
    fs::create_symlink(target, data_dir_ / "postgres.log");
    expect_refusal("cannot open");
    EXPECT_EQ(owner_of(target), 0U);
    EXPECT_EQ(fs::file_size(target), 6U);
}

TEST(DefaultDataDir, is_the_systems_for_root) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    EXPECT_EQ(db::default_data_dir(), "/var/lib/narthex");
}

TEST(TestDatabases, are_new_and_of_ones_own) {
    const TestDatabase first(Template::empty);
    const TestDatabase second(Template::empty);
    execute(first.uri(), "CREATE TABLE mine ()");
    EXPECT_EQ(query(second.uri(), "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'"), "0");
    EXPECT_EQ(query(first.uri(), "SELECT current_database()"), first.name());
}

}  // namespace
}  // namespace narthex::test
