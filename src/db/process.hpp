// Running other programs, also as another user: PostgreSQL refuses to run as root.
// Children get a clean environment, default signals, / as directory and no descriptor of ours.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace narthex::db {

using Deadline = std::chrono::steady_clock::time_point;

struct Identity {
    uid_t uid;
    gid_t gid;
};

// Owns a file descriptor.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }
    void reset() { Descriptor(std::exchange(fd_, -1)); }

  private:
    int fd_ = -1;
};

struct Command {
    std::vector<std::string> argv;  // argv[0] is an absolute path
    Identity identity;              // when it isn't ours we must be root
};

struct Outcome {
    bool succeeded;      // exited with 0
    std::string output;  // stdout and stderr, the last 64 KiB of them
};

// Runs a program to its end; it is killed past `limit` and when we are. Programs that it leaves
// behind then keep `kept_fd` (a lock) open until they are gone too. Throws ClusterError.
[[nodiscard]] Outcome run(
    const Command& command, std::chrono::seconds limit, const Descriptor& kept_fd = Descriptor()
);

// Starts a program that outlives us, in a session of its own, with `output` as stdout and stderr.
// It is nobody's child here, so that its death leaves no zombie that would look like a process.
[[nodiscard]] pid_t launch(const Command& command, const Descriptor& output);

// Whether `who` may enter `directory`: asked of the kernel, by a child that is `who`.
[[nodiscard]] bool can_enter(const Identity& who, const std::filesystem::path& directory);

// False for a zombie.
[[nodiscard]] bool is_running(pid_t pid);

}  // namespace narthex::db
