#include "support/cluster_fixture.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace narthex::test {

namespace fs = std::filesystem;

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

bool is_alive(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto end = text.rfind(')');
    return pid > 0 && end != std::string::npos && text.compare(end, 3, ") Z") != 0;
}

pid_t postmaster_of(const fs::path& data_dir) {
    std::ifstream file(data_dir / "postgres/postmaster.pid");
    pid_t result = 0;
    file >> result;
    return result;
}

void become_user(const char* name) {
    const passwd* user = ::getpwnam(name);
    if (user == nullptr) throw std::runtime_error(std::string("no user ") + name);
    become_user(user->pw_uid, user->pw_gid);
}

void become_user(uid_t user, gid_t group) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(group) != 0 || ::setuid(user) != 0) {
        throw std::runtime_error("cannot become another user");
    }
}

OtherProcess::OtherProcess(const Body& body) {
    std::array<int, 2> ready{};
    std::array<int, 2> end{};
    if (::pipe2(ready.data(), O_CLOEXEC) != 0 || ::pipe2(end.data(), O_CLOEXEC) != 0) {
        throw std::runtime_error("cannot make a pipe");
    }
    pid_ = ::fork();
    if (pid_ == 0) {
        char byte = 'r';
        try {
            ::close(end[1]);  // ours: its end is our parent's
            body([&] {
                if (::write(ready[1], &byte, 1) != 1 || ::read(end[0], &byte, 1) != 1) ::_exit(1);
            });
        } catch (const std::exception& error) {
            std::fprintf(stderr, "other process: %s\n", error.what());
            ::_exit(1);
        }
        ::_exit(0);
    }
    ::close(ready[1]);
    end_reader_ = end[0];
    ready_ = ready[0];
    end_ = end[1];
}

OtherProcess::~OtherProcess() {
    if (pid_ > 0) kill();
    ::close(ready_);
    ::close(end_);
    ::close(end_reader_);
}

bool OtherProcess::is_ready(std::chrono::milliseconds limit) const {
    pollfd event{ready_, POLLIN, 0};
    char byte = 0;
    return ::poll(&event, 1, static_cast<int>(limit.count())) == 1 && ::read(ready_, &byte, 1) == 1;
}

bool OtherProcess::finish() {
    int status = -1;
    if (::write(end_, "e", 1) != 1) return false;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status == 0;
}

void OtherProcess::kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

ClusterTest::ClusterTest() {
    ::setenv("NARTHEX_TEST_FAST_POSTGRES", "1", 1);
    std::string name = "/tmp/narthex-cluster-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
    directory_ = name;
    fs::permissions(directory_, fs::perms(0755));
    data_dir_ = directory_ / "data";
}

ClusterTest::~ClusterTest() {
    if (const pid_t left = postmaster(); is_alive(left)) {
        ADD_FAILURE() << "PostgreSQL was left running";
        ::kill(left, SIGINT);
        static_cast<void>(eventually([&] { return !is_alive(left); }));
    }
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
}

std::string ClusterTest::refusal() const {
    try {
        static_cast<void>(open());
    } catch (const db::ClusterError& error) {
        return error.what();
    }
    return "(none: it opened)";
}

std::unique_ptr<OtherProcess> ClusterTest::sharer() const {
    return std::make_unique<OtherProcess>([this](const std::function<void()>& ready_then_wait) {
        const auto cluster = open();
        ready_then_wait();
    });
}

}  // namespace narthex::test
