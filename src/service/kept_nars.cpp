#include "narthex/service/kept_nars.hpp"

#include "disk_steps.hpp"

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

}  // namespace

IncomingKept::~IncomingKept() {
    if (!name_.empty()) ::unlink(name_.c_str());
}

void IncomingKept::keep(const std::string& path) {
    file_.make_durable();
    make_directories(fs::path(path).parent_path());
    // The directory isn't synced: a name that a crash takes back costs one more fetch.
    if (::rename(name_.c_str(), path.c_str()) != 0) fail_on(path);
    name_.clear();
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
    const auto incoming = directory_ + std::string(k_incoming);
    make_directories(incoming);
    std::unique_ptr<IncomingKept> kept(new IncomingKept(incoming + '/' + random_name()));
    kept->file_.reserve(size);
    return kept;
}

void KeptNars::remove_leftovers() const {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(directory_ + std::string(k_incoming), none)) {
        remove_left_over(entry.path().string());
    }
}

}  // namespace narthex::service
