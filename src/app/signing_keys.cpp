#include "narthex/app/signing_keys.hpp"

#include "narthex/app/commands.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace narthex::app {

namespace {

constexpr std::size_t k_longest_key = 1024;

std::string read_secret(const std::string& file) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        throw Failure(fmt::format(
            "can't read the signing key {}: {}", file, std::generic_category().message(errno)
        ));
    }
    struct stat info {};
    std::array<char, k_longest_key> bytes{};
    const bool known = ::fstat(fd, &info) == 0;
    const auto size = ::read(fd, bytes.data(), bytes.size());
    ::close(fd);
    std::string text(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    sodium_memzero(bytes.data(), bytes.size());
    constexpr mode_t k_others = S_IRWXG | S_IRWXO;
    if (known && (info.st_mode & k_others) == 0) return text;
    sodium_memzero(text.data(), text.size());
    throw Failure(fmt::format("the signing key {} is open to others: chmod 600 {}", file, file));
}

SecretKey read_signing_key(const std::string& file) {
    auto text = read_secret(file);
    const auto end = text.find_last_not_of("\r\n ") + 1;
    auto key = SecretKey::parse(std::string_view(text).substr(0, end));
    sodium_memzero(text.data(), text.size());
    if (!key) throw Failure(fmt::format("the signing key {}: {}", file, key.error().message));
    return std::move(*key);
}

}  // namespace

std::vector<SecretKey> read_signing_keys(const std::vector<std::string>& files) {
    std::vector<SecretKey> keys;
    keys.reserve(files.size());
    for (const auto& file : files) keys.push_back(read_signing_key(file));
    return keys;
}

}  // namespace narthex::app
