#include "cluster_postmaster.hpp"

#include "cluster_files.hpp"
#include "cluster_regions.hpp"
#include "process_child.hpp"

#include "narthex/db/cluster.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <thread>
#include <vector>

namespace narthex::db {

namespace fs = std::filesystem;

namespace {

// The first line of PostgreSQL's lock files; 0 if there is none.
pid_t read_pid(const fs::path& lock_file) {
    const std::string text = read_file(lock_file);
    pid_t result = 0;
    std::from_chars(text.data(), text.data() + text.size(), result);
    return result > 0 ? result : 0;
}

// A postmaster's working directory is its PGDATA: compared by inode, as a bind mount gives it
// another path.
bool is_postmaster(pid_t pid, const fs::path& postgres) {
    if (pid == 0 || !is_running(pid)) return false;
    std::error_code error;
    return fs::equivalent("/proc/" + std::to_string(pid) + "/cwd", postgres, error);
}

// PostgreSQL won't start while the process that its lock file names exists, whatever it is: after
// a reboot any program has that number, and a killed postmaster is a zombie if nobody waits for it.
// Only the number goes: by the rest of the file PostgreSQL knows whether orphaned backends live.
void disown(const fs::path& lock_file, const fs::path& postgres) {
    const pid_t pid = read_pid(lock_file);
    if (pid == 0 || ::kill(pid, 0) != 0 || is_postmaster(pid, postgres)) return;
    if (!is_running(::getpid())) return;  // without /proc nothing is known
    std::string text = read_file(lock_file);
    text.replace(0, std::min(text.find('\n'), text.size()), "2147483647");  // above any pid_max
    replace_file(lock_file, text);
}

Descriptor open_log(const fs::path& log, std::size_t& size) {
    constexpr std::uintmax_t k_most_bytes = 16U << 20U;
    std::error_code ignored;
    if (const auto now = fs::file_size(log, ignored); !ignored && now > k_most_bytes) {
        fs::path old = log;
        old += ".1";
        fs::rename(log, old, ignored);
    }
    constexpr int k_flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    Descriptor result(::open(log.c_str(), k_flags, 0600));
    struct stat now {};
    if (result.get() < 0 || ::fstat(result.get(), &now) != 0) {
        throw ClusterError("cannot open " + log.string() + ": " + os_error());
    }
    size = static_cast<std::size_t>(now.st_size);
    return result;
}

// unix_socket_directories is a list, whose entries may be quoted.
std::string quote_directory(const fs::path& directory) {
    std::string result = "\"";
    for (const char c : directory.string())
        result += c == '"' ? std::string("\"\"") : std::string(1, c);
    return result + '"';
}

std::vector<std::string> command_line(
    const fs::path& program, const DataDir& dir, const fs::path& sockets
) {
    const auto postgres = Layout(dir.path).postgres;
    const auto regions = find_region_listener(dir);
    std::vector<std::string> result = {program, "-D", postgres};
    const auto set = [&](const std::string& setting) {
        result.insert(result.end(), {"-c", setting});
    };
    set("listen_addresses=" + (regions ? regions->address : ""));
    set("port=" + std::to_string(port_of(dir)));
    set("unix_socket_directories=" + quote_directory(sockets));
    set("unix_socket_permissions=0700");
    set("hba_file=" + (postgres / "pg_hba.conf").string());
    set("ident_file=" + (postgres / "pg_ident.conf").string());
    if (regions) {
        for (const auto& setting : settings_for(dir, *regions)) set(setting);
    }
    if (is_fast_test()) set("fsync=off");
    return result;
}

// What a line of the log tells about a failure; empty if it's only progress.
std::string cause_in(const std::string& line) {
    constexpr std::array k_words = {
        "FATAL:",
        "PANIC:",
        "ERROR:",
        "DETAIL:",
        "HINT:",
        "could not",
        "invalid",
        "unrecognized",
        "syntax error"};
    for (const char* word : k_words) {
        const auto at = line.find(word);
        if (at != std::string::npos) return line.substr(at);
    }
    return {};
}

std::vector<std::string> causes_in(const std::string& log) {
    std::vector<std::string> result;
    for (std::size_t begin = 0; begin < log.size();) {
        const auto end = std::min(log.find('\n', begin), log.size());
        if (auto cause = cause_in(log.substr(begin, end - begin)); !cause.empty()) {
            result.push_back(std::move(cause));
        }
        begin = end + 1;
    }
    return result;
}

bool is_disk_full(const fs::path& path) {
    struct statvfs now {};
    return ::statvfs(path.c_str(), &now) == 0 && now.f_bavail == 0;
}

bool is_gone_by(pid_t pid, Deadline deadline) {
    constexpr std::chrono::milliseconds k_pause(5);
    while (is_running(pid)) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(k_pause);
    }
    return true;
}

}  // namespace

std::optional<pid_t> find_postmaster(const DataDir& dir) {
    const ActingAs owner(dir.owner);
    const fs::path postgres = Layout(dir.path).postgres;
    const pid_t pid = read_pid(postgres / "postmaster.pid");
    if (is_postmaster(pid, postgres)) return pid;
    return {};
}

bool is_shutting_down(const DataDir& dir) {
    const ActingAs owner(dir.owner);
    const auto file = read_file(Layout(dir.path).postgres / "postmaster.pid", 0);
    return file.find("\nstopping") != std::string::npos;
}

Start start_postmaster(const DataDir& dir, const Binaries& binaries) {
    const Layout layout(dir.path);
    const ActingAs owner(dir.owner);
    const fs::path sockets = make_socket_dir(dir);
    write_access(dir, layout.postgres);
    disown(layout.postgres / "postmaster.pid", layout.postgres);
    disown(sockets / (socket_name(port_of(dir)) + ".lock"), layout.postgres);
    Start result{};
    const Descriptor log = open_log(layout.log, result.log_offset);
    result.pid = launch({command_line(binaries.postgres, dir, sockets), dir.owner}, log);
    return result;
}

Failure explain(const DataDir& dir, const Start& start) {
    const ActingAs owner(dir.owner);
    const std::string log = read_file(Layout(dir.path).log, start.log_offset);
    const std::vector<std::string> causes = causes_in(log);
    constexpr std::size_t k_shown = 4;
    Failure result{};
    for (std::size_t i = causes.size() - std::min(causes.size(), k_shown); i < causes.size(); ++i) {
        result.reason += (result.reason.empty() ? "" : "; ") + causes[i];
    }
    if (causes.empty())
        result.reason = is_disk_full(dir.path) ? "the disk is full" : "no reason given";
    result.passes = log.find("pre-existing shared memory block") != std::string::npos ||
                    log.find("lock file \"postmaster.pid\" already exists") != std::string::npos;
    return result;
}

void stop_postmaster(const DataDir& dir, Deadline deadline) {
    constexpr std::chrono::seconds k_patience(20);
    const auto pid = find_postmaster(dir);
    if (!pid || ::kill(*pid, SIGINT) != 0) return;
    const auto patience = std::chrono::steady_clock::now() + k_patience;
    if (is_gone_by(*pid, std::min(patience, deadline))) return;
    // PostgreSQL 15 that is told to stop while it recovers from the crash of a backend waits for
    // its checkpointer for ever. An immediate shutdown is as safe as a crash: the next start
    // recovers.
    ::kill(*pid, SIGQUIT);
    static_cast<void>(is_gone_by(*pid, deadline));
}

}  // namespace narthex::db
