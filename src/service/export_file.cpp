#include "narthex/service/export_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace narthex::service {

namespace {
constexpr std::size_t k_write_bytes = 256 * 1024;
constexpr mode_t k_mode = 0666;  // less the umask
}  // namespace

class ExportFile::Compressor {
  public:
    Compressor() : stream_(ZSTD_createCStream()), buffer_(ZSTD_CStreamOutSize()) {}

    void add(
        std::string_view bytes,
        ZSTD_EndDirective end,
        const std::function<void(std::string_view)>& write
    ) {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        std::size_t rest = 0;
        do {
            ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
            rest = ZSTD_compressStream2(stream_.get(), &out, &in, end);
            if (ZSTD_isError(rest) != 0) throw std::runtime_error(ZSTD_getErrorName(rest));
            write({buffer_.data(), out.pos});
        } while (end == ZSTD_e_end ? rest != 0 : in.pos < in.size);
    }

  private:
    struct Free {
        void operator()(ZSTD_CStream* stream) const { ZSTD_freeCStream(stream); }
    };
    std::unique_ptr<ZSTD_CStream, Free> stream_;
    std::vector<char> buffer_;
};

ExportFile::ExportFile(std::string file, bool zstd)
    : file_(file == "-" ? "" : std::move(file)),
      part_(file_ + ".part"),
      fd_(STDOUT_FILENO),
      compressor_(zstd ? std::make_unique<Compressor>() : nullptr) {
    if (file_.empty()) return;
    fd_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, k_mode);
    if (fd_ < 0) fail("made");
    // Locked before it is emptied: another export may be writing it.
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 || ::ftruncate(fd_, 0) != 0) {
        const int error = errno;
        ::close(fd_);
        errno = error;
        fail("written: another export may be at it");
    }
}

ExportFile::~ExportFile() {
    if (file_.empty() || fd_ < 0) return;
    ::unlink(part_.c_str());
    ::close(fd_);
}

void ExportFile::fail(const char* what) const {
    const auto& name = file_.empty() ? std::string("standard output") : part_;
    throw std::system_error(
        errno, std::generic_category(), fmt::format("{} can't be {}", name, what)
    );
}

void ExportFile::write(std::string_view bytes) {
    if (!compressor_) return write_out(bytes);
    compressor_->add(bytes, ZSTD_e_continue, [this](std::string_view out) { write_out(out); });
}

void ExportFile::write_out(std::string_view bytes) {
    pending_ += bytes;
    if (pending_.size() >= k_write_bytes) flush();
}

void ExportFile::flush() {
    std::string_view rest = pending_;
    while (!rest.empty()) {
        const auto written = ::write(fd_, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("written");
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    pending_.clear();
}

void ExportFile::finish() {
    if (compressor_) {
        compressor_->add({}, ZSTD_e_end, [this](std::string_view out) { write_out(out); });
    }
    flush();
    if (file_.empty()) return;
    if (::fsync(fd_) != 0) fail("written");
    if (::rename(part_.c_str(), file_.c_str()) != 0) fail("renamed");
    ::close(fd_);
    fd_ = -1;
    // The new name, too, is on the disk then.
    const auto parent = std::filesystem::absolute(file_).parent_path();
    const int directory = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return;
    ::fsync(directory);
    ::close(directory);
}

}  // namespace narthex::service
