#include "cluster_lock.hpp"

#include "process_child.hpp"

#include "narthex/db/cluster.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <thread>

namespace narthex::db {

FileLock::FileLock(std::filesystem::path file)
    : file_(std::move(file)),
      fd_(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (fd_.get() < 0) throw ClusterError("cannot open " + file_.string() + ": " + os_error());
}

void FileLock::wait_shared(Deadline deadline) {
    wait(LOCK_SH, deadline);
}

void FileLock::wait_exclusive(Deadline deadline) {
    wait(LOCK_EX, deadline);
}

bool FileLock::try_exclusive() {
    return attempt(LOCK_EX);
}

void FileLock::unlock() {
    ::flock(fd_.get(), LOCK_UN);
    fd_.reset();
}

bool FileLock::attempt(int operation) {
    while (::flock(fd_.get(), operation | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return false;
        if (errno == EINTR) continue;
        throw ClusterError("cannot lock " + file_.string() + ": " + os_error());
    }
    return true;
}

// flock has no time limit of its own, and an alarm would be the whole process's.
void FileLock::wait(int operation, Deadline deadline) {
    constexpr std::chrono::milliseconds k_pause(10);
    while (!attempt(operation)) {
        if (std::chrono::steady_clock::now() >= deadline) {
            throw ClusterError(
                "another narthex has been starting or stopping PostgreSQL for a minute and holds " +
                file_.string() + "; see who with: fuser " + file_.string()
            );
        }
        std::this_thread::sleep_for(k_pause);
    }
}

}  // namespace narthex::db
