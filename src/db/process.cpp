#include "process.hpp"

#include "process_child.hpp"

#include "narthex/db/cluster.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>

namespace narthex::db {

namespace {

struct Pipe {
    Descriptor reader;
    Descriptor writer;
};

// The child sorts descriptors into 0..4, so ours must not be there.
Descriptor above_standard(int fd) {
    Descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, 10));
    if (copy.get() < 0) throw ClusterError("cannot duplicate a file descriptor: " + os_error());
    return copy;
}

Pipe make_pipe() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
        throw ClusterError("cannot make a pipe: " + os_error());
    }
    const Descriptor reader(fds[0]);
    const Descriptor writer(fds[1]);
    return {above_standard(fds[0]), above_standard(fds[1])};
}

// No handler of ours may run in a forked child, so everything is blocked around the fork.
pid_t fork_blocked() {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::fork();
    const int error = errno;
    if (pid != 0) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    return pid;
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

// The environment names programs and files, and must not steer PostgreSQL (PG*, LC_*) nor carry
// root's secrets to another user.
std::vector<std::string> child_environment() {
    std::vector<std::string> result = {"LC_ALL=C"};
    for (const char* name : {"PATH", "TZ", "TZDIR", "LD_LIBRARY_PATH", "LOCALE_ARCHIVE"}) {
        if (const char* value = std::getenv(name))
            result.push_back(std::string(name) + "=" + value);
    }
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    std::transform(
        strings.begin(),
        strings.end(),
        std::back_inserter(result),
        [](std::string& text) { return text.data(); }
    );
    result.push_back(nullptr);
    return result;
}

// Starts the child; returns its process id once the program runs. `direct` is what we must wait
// for.
pid_t start(const Command& command, ChildPlan plan, pid_t& direct) {
    std::vector<std::string> arguments = command.argv;
    std::vector<std::string> environment = child_environment();
    const std::vector<char*> argv = pointers(arguments);
    const std::vector<char*> envp = pointers(environment);
    Pipe report = make_pipe();
    const Descriptor opened(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const Descriptor null = above_standard(opened.get());
    plan.argv = argv.data();
    plan.envp = envp.data();
    plan.identity = command.identity;
    plan.parent = ::getpid();
    plan.null_fd = null.get();
    plan.report_fd = report.writer.get();
    direct = fork_blocked();
    if (direct == 0) run_child(plan);
    if (direct < 0) throw ClusterError("cannot start " + command.argv[0] + ": " + os_error());
    report.writer.reset();
    ChildReport words;
    read_report(report.reader.get(), words);
    if (words.failed != 0 || words.pid == 0) {
        wait_for(direct);
        throw ClusterError("cannot run " + command.argv[0] + ": " + os_error(words.failed));
    }
    return words.pid;
}

// Reads to the end or the deadline; false at the deadline.
bool drain(int fd, Deadline deadline, std::string& output) {
    constexpr std::size_t k_kept_bytes = 65536;
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now()
        );
        if (left.count() <= 0) return false;
        pollfd ready{fd, POLLIN, 0};
        if (::poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return true;
        output.append(buffer.data(), static_cast<std::size_t>(count));
        if (output.size() > 2 * k_kept_bytes) output.erase(0, output.size() - k_kept_bytes);
    }
}

}  // namespace

Outcome run(const Command& command, std::chrono::seconds limit, const Descriptor& kept_fd) {
    Pipe output = make_pipe();
    const Descriptor kept = kept_fd.get() < 0 ? Descriptor() : above_standard(kept_fd.get());
    ChildPlan plan;
    plan.output_fd = output.writer.get();
    plan.kept_fd = kept.get();
    pid_t child = 0;
    static_cast<void>(start(command, plan, child));
    output.writer.reset();
    Outcome result{};
    const auto deadline = std::chrono::steady_clock::now() + limit;
    const bool in_time = drain(output.reader.get(), deadline, result.output);
    if (!in_time) ::kill(-child, SIGKILL);
    result.succeeded = wait_for(child) == 0;
    if (in_time) return result;
    throw ClusterError(
        command.argv[0] + " didn't end within " + std::to_string(limit.count()) + " s"
    );
}

pid_t launch(const Command& command, const Descriptor& output) {
    const Descriptor copy = above_standard(output.get());
    ChildPlan plan;
    plan.detached = true;
    plan.output_fd = copy.get();
    pid_t between = 0;
    const pid_t result = start(command, plan, between);
    wait_for(between);
    return result;
}

bool can_enter(const Identity& who, const std::filesystem::path& directory) {
    const char* path = directory.c_str();
    const pid_t child = fork_blocked();
    if (child == 0) leave(become(who) && ::chdir(path) == 0 ? 0 : 1);
    if (child < 0) throw ClusterError("cannot fork: " + os_error());
    return wait_for(child) == 0;
}

bool is_running(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto name_end = text.rfind(')');  // the name may hold anything, also ") Z"
    if (name_end == std::string::npos || name_end + 2 >= text.size()) return false;
    const char state = text[name_end + 2];
    return state != 'Z' && state != 'X';
}

}  // namespace narthex::db
