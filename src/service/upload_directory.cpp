#include "narthex/service/upload_directory.hpp"

#include "disk_steps.hpp"

#include "narthex/core/encoding.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>

namespace narthex::service {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_incoming = "/incoming/";
// Directories of at most a thousandth of all files: some file systems slow down past millions.
constexpr std::size_t k_shard_digits = 2;

// HASH-RANDOM in incoming/ goes to HA/HASH-RANDOM.
std::string place_of(const std::string& name) {
    return name.substr(0, k_shard_digits) + '/' + name;
}

bool was_hashed(const std::string& name) {
    return name.find('-') != std::string::npos;
}

}  // namespace

IncomingNar::IncomingNar(std::string base, std::string name)
    : base_(std::move(base)), name_(std::move(name)) {
    const auto file = base_ + std::string(k_incoming) + name_;
    fd_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd_ < 0) fail_on(file);
    ::flock(fd_, LOCK_EX | LOCK_NB);
}

IncomingNar::~IncomingNar() {
    if (!keep_) {
        if (!place_.empty()) ::unlink((base_ + '/' + place_).c_str());
        ::unlink((base_ + std::string(k_incoming) + name_).c_str());
    }
    ::close(fd_);
}

void IncomingNar::write(std::string_view bytes) {
    hash_.update(bytes);
    while (!bytes.empty()) {
        const auto written = ::write(fd_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail_on(base_);
        size_ += static_cast<std::uint64_t>(written);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

std::string IncomingNar::place(const Sha256& hash) {
    if (::fsync(fd_) != 0) fail_on(base_);
    const auto incoming = base_ + std::string(k_incoming);
    const auto named = to_nix_base32(hash.bytes()) + '-' + name_;
    if (::rename((incoming + name_).c_str(), (incoming + named).c_str()) != 0) fail_on(incoming);
    name_ = named;
    auto place = place_of(name_);
    const auto shard = base_ + '/' + place.substr(0, k_shard_digits);
    make_directory(shard);
    if (::link((incoming + name_).c_str(), (base_ + '/' + place).c_str()) != 0) fail_on(shard);
    place_ = place;
    sync_directory(shard);
    sync_directory(base_);
    return place;
}

void IncomingNar::commit() {
    keep_ = true;
    ::unlink((base_ + std::string(k_incoming) + name_).c_str());
}

UploadDirectory::UploadDirectory(const std::string& directory) {
    try {
        fs::create_directories(directory);
        base_ = fs::canonical(directory).string();
        make_directory(base_ + std::string(k_incoming));
        receive()->write("this directory can be written to");
    } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format(
            "can't store uploads in {}: {}; choose another with --upload-dir",
            directory,
            error.what()
        ));
    }
}

std::unique_ptr<IncomingNar> UploadDirectory::receive() const {
    return std::unique_ptr<IncomingNar>(new IncomingNar(base_, random_name()));
}

std::vector<UploadDirectory::Leftover> UploadDirectory::leftovers(std::chrono::seconds age) const {
    std::vector<Leftover> found;
    for (const auto& entry : fs::directory_iterator(base_ + std::string(k_incoming))) {
        const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) continue;  // it has just gone
        struct stat info {};
        const bool old = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                         std::time(nullptr) - info.st_mtim.tv_sec >= age.count();
        const bool abandoned = old && ::flock(fd, LOCK_EX | LOCK_NB) == 0;
        ::close(fd);
        if (!abandoned) continue;
        const auto name = entry.path().filename().string();
        found.push_back({name, was_hashed(name) ? place_of(name) : ""});
    }
    return found;
}

void UploadDirectory::settle(const Leftover& leftover, bool known) const {
    // First its place: what is left when this is cut short is found again.
    if (!known && !leftover.place.empty()) (void)remove(leftover.place);
    (void)remove("incoming/" + leftover.name);
}

bool UploadDirectory::remove(const std::string& place) const {
    const auto file = base_ + '/' + place;
    if (::unlink(file.c_str()) == 0) return true;
    if (errno != ENOENT) fail_on(file);
    return false;
}

}  // namespace narthex::service
