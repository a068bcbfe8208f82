#include "narthex/service/nar_file_check.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace narthex::service {

namespace {

using Kind = NarFileFault::Kind;

constexpr std::size_t k_piece_bytes = 256 * 1024;

class Descriptor {
  public:
    // A FIFO that stands where a NAR should would block an open without O_NONBLOCK.
    explicit Descriptor(const std::string& file)
        : fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

NarFileFault not_opened(const std::string& file, int error) {
    const bool missing = error == ENOENT || error == ENOTDIR;
    if (missing) return {Kind::missing, fmt::format("there is no file {}", file)};
    if (error == ELOOP) return {Kind::unreadable, fmt::format("{} is a symbolic link", file)};
    return {Kind::unreadable, fmt::format("{}: {}", file, std::generic_category().message(error))};
}

// Absent when it was told to stop. The errno of a read that failed is thrown.
std::optional<Sha256> digest(int fd, std::uint64_t& bytes_read, const std::atomic<bool>* stop) {
    Sha256Stream hash;
    std::vector<char> piece(k_piece_bytes);
    while (stop == nullptr || !stop->load()) {
        const auto got = ::read(fd, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw std::system_error(errno, std::generic_category());
        if (got == 0) return hash.finish();
        hash.update({piece.data(), static_cast<std::size_t>(got)});
        bytes_read += static_cast<std::uint64_t>(got);
    }
    return std::nullopt;
}

}  // namespace

std::optional<NarFileFault> check_nar_file(
    const std::string& file,
    const std::optional<std::uint64_t>& size,
    const std::optional<Sha256>& hash,
    bool read,
    std::uint64_t& bytes_read,
    const std::atomic<bool>* stop
) {
    const Descriptor opened(file);
    if (opened.get() < 0) return not_opened(file, errno);
    struct stat found {};
    if (::fstat(opened.get(), &found) != 0) return not_opened(file, errno);
    if (!S_ISREG(found.st_mode)) {
        return NarFileFault{Kind::unreadable, fmt::format("{} is not a file", file)};
    }
    if (size && static_cast<std::uint64_t>(found.st_size) != *size) {
        return NarFileFault{
            Kind::size, fmt::format("{} has {} bytes, not {}", file, found.st_size, *size)};
    }
    if (!read || !hash) return std::nullopt;
    try {
        const auto is = digest(opened.get(), bytes_read, stop);
        if (!is || *is == *hash) return std::nullopt;
        return NarFileFault{
            Kind::hash, fmt::format("{} is {}, not {}", file, is->to_nix(), hash->to_nix())};
    } catch (const std::system_error& error) {
        return not_opened(file, error.code().value());
    }
}

}  // namespace narthex::service
