#include "process_child.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <system_error>

namespace narthex::db {

namespace {

enum Standard { k_report_fd = 3, k_kept_fd = 4 };

void write_word(int fd, int word) {
    // A parent that is gone has no use for it.
    [[maybe_unused]] const auto written = ::write(fd, &word, sizeof word);
}

[[noreturn]] void fail(int report_fd) {
    write_word(report_fd, errno);
    leave(127);
}

void reset_signals() {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number <= SIGRTMAX; ++number) ::sigaction(number, &standard, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void close_from(int first) {
    const auto from = static_cast<unsigned>(first);
    if (::syscall(SYS_close_range, from, ~0U, 0U) == 0) return;
    constexpr int k_enough = 65536;  // kernels before 5.9
    for (int fd = first; fd < k_enough; ++fd) ::close(fd);
}

// Also descriptors that we inherited and never knew of are closed: a shell that waits for the end
// of a pipe must not wait for PostgreSQL.
void arrange_descriptors(const ChildPlan& plan) {
    ::dup2(plan.null_fd, STDIN_FILENO);
    ::dup2(plan.output_fd, STDOUT_FILENO);
    ::dup2(plan.output_fd, STDERR_FILENO);
    ::dup3(plan.report_fd, k_report_fd, O_CLOEXEC);
    if (plan.kept_fd >= 0) ::dup2(plan.kept_fd, k_kept_fd);
    close_from(plan.kept_fd >= 0 ? k_kept_fd + 1 : k_kept_fd);
}

// A change of user clears the wish, so this comes after it.
void die_with(pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) leave(127);
}

// Not a session's leader, so that it never gets a terminal; and not our child.
void detach(int report_fd) {
    const pid_t pid = ::fork();
    if (pid < 0) fail(report_fd);
    if (pid > 0) leave(0);
}

}  // namespace

void run_child(const ChildPlan& plan) {
    reset_signals();
    ::setsid();  // Ctrl-C in the terminal is for narthex alone
    if (plan.detached) detach(plan.report_fd);
    arrange_descriptors(plan);
    ::umask(S_IRWXG | S_IRWXO);
    write_word(k_report_fd, ::getpid());
    if (!become(plan.identity) || ::chdir("/") != 0) fail(k_report_fd);
    if (!plan.detached) die_with(plan.parent);
    ::execve(plan.argv[0], plan.argv, plan.envp);
    fail(k_report_fd);
}

void read_report(int fd, ChildReport& report) {
    for (int* word : {&report.pid, &report.failed}) {
        ssize_t count = 0;
        do {
            count = ::read(fd, word, sizeof *word);
        } while (count < 0 && errno == EINTR);
        if (count != sizeof *word) return;
    }
}

bool become(const Identity& who) {
    if (::geteuid() == who.uid) return true;
    return ::setgroups(1, &who.gid) == 0 && ::setresgid(who.gid, who.gid, who.gid) == 0 &&
           ::setresuid(who.uid, who.uid, who.uid) == 0;
}

void leave(int code) {
    for (;;) ::syscall(SYS_exit_group, code);
}

std::string os_error(int error) {
    return std::generic_category().message(error);
}

}  // namespace narthex::db
