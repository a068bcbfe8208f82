#include "narthex/service/incoming_file.hpp"

#include "disk_steps.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

namespace narthex::service {

namespace {

// A new one, locked. Between the two a sweep may take it for left over: then another is made.
int open_locked(const std::string& file) {
    while (true) {
        const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0) fail_on(file);
        // Whoever has it removes it at once. Some file systems know no locks.
        while (::flock(fd, LOCK_EX) != 0 && errno == EINTR) continue;
        struct stat info {};
        if (::fstat(fd, &info) != 0 || info.st_nlink > 0) return fd;
        ::close(fd);
    }
}

// One that is left over, locked; -1: it isn't.
int lock_left_over(const std::string& file, std::chrono::seconds age) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return -1;  // it has just gone
    struct stat info {};
    const bool is_old = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                        std::time(nullptr) - info.st_mtim.tv_sec >= age.count();
    // Another sweep may have removed it since, and another file may have its name.
    const bool is_ours = is_old && ::flock(fd, LOCK_EX | LOCK_NB) == 0 && ::fstat(fd, &info) == 0 &&
                         info.st_nlink > 0;
    if (is_ours) return fd;
    ::close(fd);
    return -1;
}

}  // namespace

IncomingFile::IncomingFile(std::string file) : file_(std::move(file)), fd_(open_locked(file_)) {}

IncomingFile::~IncomingFile() {
    ::close(fd_);
}

// Where the file system can't, a full disk is met when it is written to.
void IncomingFile::reserve(std::uint64_t size) {
    if (size == 0 || ::fallocate(fd_, 0, 0, static_cast<off_t>(size)) == 0) return;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) fail_on(file_);
}

void IncomingFile::write(std::string_view bytes) {
    hash_.update(bytes);
    while (!bytes.empty()) {
        const auto written = ::write(fd_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail_on(file_);
        size_ += static_cast<std::uint64_t>(written);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void IncomingFile::make_durable() {
    if (::fsync(fd_) != 0) fail_on(file_);
}

std::string IncomingFile::read(std::uint64_t offset, std::size_t most) const {
    std::string bytes(most, '\0');
    ssize_t got = 0;
    do {
        got = ::pread(fd_, bytes.data(), most, static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) fail_on(file_);
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

bool is_left_over(const std::string& file, std::chrono::seconds age) {
    const int fd = lock_left_over(file, age);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

void remove_left_over(const std::string& file) {
    const int fd = lock_left_over(file, std::chrono::seconds(0));
    if (fd < 0) return;
    ::unlink(file.c_str());
    ::close(fd);
}

}  // namespace narthex::service
