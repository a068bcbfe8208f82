#include "disk_steps.hpp"

#include "narthex/core/encoding.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace narthex::service {

void fail_on(const std::string& file) {
    throw std::system_error(errno, std::generic_category(), file);
}

std::string random_name() {
    std::array<unsigned char, 10> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        fail_on("getrandom");
    }
    return to_nix_base32(bytes);
}

void sync_directory(const std::string& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) fail_on(directory);
    const int result = ::fsync(fd);
    const int error = errno;
    ::close(fd);
    errno = error;
    if (result != 0) fail_on(directory);
}

void make_directory(const std::string& directory) {
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) fail_on(directory);
}

}  // namespace narthex::service
