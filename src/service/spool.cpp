#include "narthex/service/spool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace narthex::service {

namespace {
constexpr std::size_t k_write_bytes = 1024 * 1024;
}

// Not by O_TMPFILE: overlayfs, as containers have it, doesn't know it everywhere.
Spool::Spool(std::filesystem::path directory) : directory_(std::move(directory)) {
    auto name = (directory_ / "narthex-import-XXXXXX").string();
    fd_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd_ < 0) fail("made");
    ::unlink(name.c_str());
}

Spool::~Spool() {
    ::close(fd_);
}

void Spool::fail(const char* what) const {
    throw std::system_error(
        errno,
        std::generic_category(),
        fmt::format(
            "a temporary file in {} can't be {} (TMPDIR names another directory)",
            directory_.string(),
            what
        )
    );
}

Spool::Extent Spool::append(std::string_view bytes) {
    const Extent extent{this->bytes(), static_cast<std::uint32_t>(bytes.size())};
    pending_ += bytes;
    if (pending_.size() >= k_write_bytes) flush();
    return extent;
}

void Spool::flush() {
    std::string_view rest = pending_;
    while (!rest.empty()) {
        const auto written = ::pwrite(fd_, rest.data(), rest.size(), static_cast<off_t>(flushed_));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("written");
        flushed_ += static_cast<std::uint64_t>(written);
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    pending_.clear();
}

std::string Spool::read(const Extent& extent) const {
    std::string out(extent.size, '\0');
    std::size_t done = 0;
    while (done < out.size()) {
        const auto got = ::pread(
            fd_, out.data() + done, out.size() - done, static_cast<off_t>(extent.offset + done)
        );
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) errno = EIO;
        if (got <= 0) fail("read");
        done += static_cast<std::size_t>(got);
    }
    return out;
}

void Spool::clear() {
    pending_.clear();
    flushed_ = 0;
    if (::ftruncate(fd_, 0) != 0) fail("emptied");
}

}  // namespace narthex::service
