#include "condemned_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

namespace narthex::service {

namespace {

constexpr int k_directory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr std::size_t k_most_open = 256;

std::vector<std::string> split(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t start = 0; start <= path.size();) {
        const auto end = std::min(path.find('/', start), path.size());
        parts.push_back(path.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

bool leads_elsewhere(const std::vector<std::string>& parts) {
    for (const auto& part : parts) {
        if (part.empty() || part == "." || part == "..") return true;
    }
    return false;
}

Error failure(const db::CondemnedFile& file, const char* reason) {
    return {fmt::format("{}/{}: {}", file.base, file.path, reason)};
}

// -1 with errno.
int open_below(int base, const std::vector<std::string>& parts) {
    int directory = base;
    for (std::size_t i = 0; i + 1 < parts.size() && directory >= 0; ++i) {
        const int next = ::openat(directory, parts[i].c_str(), k_directory | O_NOFOLLOW);
        const int reason = errno;
        ::close(directory);
        errno = reason;
        directory = next;
    }
    return directory;
}

}  // namespace

CondemnedFiles::~CondemnedFiles() {
    for (const auto& [name, directory] : directories_) ::close(directory);
}

Result<int> CondemnedFiles::directory_of(const db::CondemnedFile& file) {
    const auto slash = file.path.rfind('/');
    const auto name =
        file.base + '\n' + (slash == file.path.npos ? "" : file.path.substr(0, slash));
    if (const auto open = directories_.find(name); open != directories_.end()) return open->second;
    const auto parts = split(file.path);
    if (leads_elsewhere(parts)) return failure(file, "isn't below its directory");
    // Where the base itself is missing, nobody knows whether the file is: a disk may not be
    // mounted.
    const int base = ::open(file.base.c_str(), k_directory);
    if (base < 0) return failure(file, std::strerror(errno));
    const int directory = open_below(base, parts);
    if (directory >= 0) {
        if (directories_.size() >= k_most_open) sync();
        return directories_[name] = directory;
    }
    if (errno == ENOENT) return -1;
    return failure(
        file,
        errno == ELOOP || errno == ENOTDIR ? "is behind a symbolic link" : std::strerror(errno)
    );
}

Result<bool> CondemnedFiles::unlink(const db::CondemnedFile& file) {
    const auto directory = directory_of(file);
    if (!directory) return directory.error();
    if (*directory < 0) return true;
    const auto name = split(file.path).back();
    if (::unlinkat(*directory, name.c_str(), 0) == 0 || errno == ENOENT) return true;
    return failure(file, std::strerror(errno));
}

void CondemnedFiles::sync() {
    int failed = 0;
    for (const auto& [name, directory] : std::exchange(directories_, {})) {
        // A read-only file system has nothing to sync, and some others can't.
        if (::fsync(directory) != 0 && errno != EROFS && errno != EINVAL) failed = errno;
        ::close(directory);
    }
    if (failed != 0) throw std::system_error(failed, std::generic_category(), "fsync");
}

}  // namespace narthex::service
