#include "narthex/service/kept_nars.hpp"

#include "disk_steps.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace narthex::service {

namespace fs = std::filesystem;

namespace {

// No cache's name begins so.
constexpr std::string_view k_incoming = "/.incoming";

void make_directories(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (!error) return;
    errno = error.value();
    fail_on(directory.string());
}

// Where the file system can't, a full disk is met when it is written to.
void reserve(int fd, std::uint64_t size, const std::string& file) {
    if (size == 0 || ::fallocate(fd, 0, 0, static_cast<off_t>(size)) == 0) return;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) fail_on(file);
}

}  // namespace

IncomingKept::IncomingKept(const std::string& directory, std::uint64_t size)
    : directory_(directory) {
    const auto incoming = directory_ + std::string(k_incoming);
    make_directories(incoming);
    file_ = incoming + '/' + random_name();
    fd_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd_ < 0) fail_on(file_);
    ::flock(fd_, LOCK_EX | LOCK_NB);
    try {
        reserve(fd_, size, file_);
    } catch (...) {
        ::unlink(file_.c_str());
        ::close(fd_);
        throw;
    }
}

IncomingKept::~IncomingKept() {
    if (!file_.empty()) ::unlink(file_.c_str());
    ::close(fd_);
}

void IncomingKept::write(std::string_view bytes) {
    hash_.update(bytes);
    while (!bytes.empty()) {
        const auto written = ::write(fd_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail_on(file_);
        size_ += static_cast<std::uint64_t>(written);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void IncomingKept::keep(const std::string& path) {
    if (::fsync(fd_) != 0) fail_on(file_);
    make_directories(fs::path(path).parent_path());
    // The directory isn't synced: a name that a crash takes back costs one more fetch.
    if (::rename(file_.c_str(), path.c_str()) != 0) fail_on(path);
    file_.clear();
}

std::string IncomingKept::read(std::uint64_t offset, std::size_t most) const {
    std::string bytes(most, '\0');
    ssize_t got = 0;
    do {
        got = ::pread(fd_, bytes.data(), most, static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) fail_on(directory_);
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

std::string KeptNars::path_of(const std::string& cache, const std::string& nar) const {
    return directory_ + '/' + cache + '/' + nar;
}

bool KeptNars::has(const std::string& path, std::optional<std::uint64_t> size) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
    const auto bytes = static_cast<std::uint64_t>(info.st_size);
    return size.value_or(bytes) == bytes && ::access(path.c_str(), R_OK) == 0;
}

std::unique_ptr<IncomingKept> KeptNars::receive(std::uint64_t size) const {
    return std::unique_ptr<IncomingKept>(new IncomingKept(directory_, size));
}

void KeptNars::remove_leftovers() const {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(directory_ + std::string(k_incoming), none)) {
        const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) continue;  // it has just gone
        if (::flock(fd, LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
        ::close(fd);
    }
}

}  // namespace narthex::service
