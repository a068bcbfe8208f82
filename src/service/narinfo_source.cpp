#include "narthex/service/narinfo_source.hpp"

#include "narinfo_archive.hpp"

#include "narthex/core/narinfo.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

namespace narthex::service {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_chunk_bytes = 256 * 1024;
constexpr int k_look_for_stop_ms = 100;

std::string reason_of(int error) {
    return std::generic_category().message(error);
}

// An open file, or standard input for "-". `error` is the errno of a failed open.
class InputFile {
  public:
    // `buffer` is what read() reads into; once `stop` is set, a signal ends the input.
    InputFile(const std::string& name, std::vector<char>& buffer, const std::atomic<bool>* stop)
        : buffer_(buffer),
          stop_(stop),
          fd_(name == "-" ? STDIN_FILENO : ::open(name.c_str(), O_RDONLY | O_CLOEXEC)),
          error_(fd_ < 0 ? errno : 0) {}
    ~InputFile() {
        if (fd_ > STDIN_FILENO) ::close(fd_);
    }
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    // What the next read brought; empty at the end and on an error, which error() tells.
    std::string_view read() {
        if (error_ != 0) return {};
        ssize_t size = 0;
        do {
            if (!wait_readable()) return {};
            size = ::read(fd_, buffer_.data(), buffer_.size());
        } while (size < 0 && errno == EINTR);
        if (size < 0) error_ = errno;
        return {buffer_.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    }

    [[nodiscard]] int error() const { return error_; }
    [[nodiscard]] bool stopped() const { return stop_ != nullptr && stop_->load(); }

  private:
    // False once it was stopped. The signal that stops it may come to any thread, so it doesn't
    // always interrupt what waits here.
    [[nodiscard]] bool wait_readable() const {
        pollfd waited{fd_, POLLIN, 0};
        while (!stopped()) {
            if (::poll(&waited, 1, k_look_for_stop_ms) > 0) return true;
        }
        return false;
    }

    std::vector<char>& buffer_;
    const std::atomic<bool>* stop_;
    int fd_;
    int error_;
};

class Decompressor {
  public:
    Decompressor() : stream_(ZSTD_createDStream()), buffer_(ZSTD_DStreamOutSize()) {}

    // Feeds what `bytes` decompress to; an error text, or empty.
    std::string feed(std::string_view bytes, RecordSplitter& splitter) {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        while (in.pos < in.size) {
            ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
            rest_ = ZSTD_decompressStream(stream_.get(), &out, &in);
            if (ZSTD_isError(rest_) != 0) return ZSTD_getErrorName(rest_);
            splitter.feed({buffer_.data(), out.pos});
        }
        return {};
    }

    // The input ended within a frame.
    [[nodiscard]] bool truncated() const { return rest_ != 0; }

  private:
    struct Free {
        void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
    };
    std::unique_ptr<ZSTD_DStream, Free> stream_;
    std::vector<char> buffer_;
    std::size_t rest_ = 0;
};

bool is_narinfo_file(const fs::path& path) {
    return path.extension() == ".narinfo";
}

SourceItem problem_with(const std::string& file, const std::string& problem) {
    return {file, {{}, 0, false}, problem};
}

// Calls `visit` for each *.narinfo below `directory` until it returns false. Links to directories
// are not followed. What can't be read is left out and told.
bool walk(
    const fs::path& directory,
    const std::function<bool(const fs::directory_entry&)>& visit,
    const std::function<bool(const std::string& directory, const std::string& problem)>& failed
) {
    std::vector<fs::path> pending{directory};
    while (!pending.empty()) {
        const auto here = std::move(pending.back());
        pending.pop_back();
        std::error_code error;
        std::error_code ignored;
        const fs::directory_iterator end;
        for (fs::directory_iterator it(here, error); !error && it != end; it.increment(error)) {
            if (it->is_directory(ignored)) {
                if (!it->is_symlink(ignored)) pending.push_back(it->path());
            } else if (is_narinfo_file(it->path()) && !it->is_other(ignored) && !visit(*it)) {
                return false;
            }
        }
        if (error && !failed(here.string(), error.message())) return false;
    }
    return true;
}

std::optional<std::uint64_t> bytes_of(const std::string& input) {
    std::error_code error;
    if (fs::is_regular_file(input, error)) return fs::file_size(input, error);
    if (!fs::is_directory(input, error)) return std::nullopt;
    std::uint64_t total = 0;
    walk(
        input,
        [&](const fs::directory_entry& entry) {
            std::error_code ignored;
            const auto size = entry.file_size(ignored);
            if (!ignored) total += size;
            return true;
        },
        [](const auto&, const auto&) { return true; }
    );
    return total;
}

}  // namespace

NarinfoSource::NarinfoSource(std::vector<std::string> inputs, const std::atomic<bool>* stop)
    : inputs_(std::move(inputs)), stop_(stop), buffer_(k_chunk_bytes) {}

std::optional<std::uint64_t> NarinfoSource::total_bytes() const {
    std::uint64_t total = 0;
    for (const auto& input : inputs_) {
        const auto bytes = input == "-" ? std::nullopt : bytes_of(input);
        if (!bytes) return std::nullopt;
        total += *bytes;
    }
    return total;
}

void NarinfoSource::for_each(const Visit& visit) {
    for (const auto& input : inputs_) {
        if (!visit_input(input, visit)) return;
    }
}

bool NarinfoSource::visit_input(const std::string& input, const Visit& visit) {
    std::error_code ignored;
    if (input != "-" && fs::is_directory(input, ignored)) return visit_directory(input, visit);
    if (input != "-" && is_narinfo_file(input)) return visit_narinfo_file(input, visit);
    if (input != "-" && is_archive(input)) return visit_archive(input, visit);
    return visit_stream(input, visit);
}

bool NarinfoSource::visit_archive(const std::string& file, const Visit& visit) {
    const auto before = bytes_read_;
    return read_archive(file, [&](SourceItem item, std::uint64_t bytes) {
        bytes_read_ = before + bytes;
        const bool stopped = stop_ != nullptr && stop_->load();
        return !stopped && visit(std::move(item));
    });
}

bool NarinfoSource::visit_directory(const std::string& directory, const Visit& visit) {
    return walk(
        directory,
        [&](const fs::directory_entry& entry) {
            return visit_narinfo_file(entry.path().string(), visit);
        },
        [&](const std::string& file, const std::string& problem) {
            return visit(problem_with(file, "can't be read: " + problem));
        }
    );
}

bool NarinfoSource::visit_narinfo_file(const std::string& file, const Visit& visit) {
    InputFile input(file, buffer_, stop_);
    Record record{{}, 1, false};
    for (auto chunk = input.read(); !chunk.empty(); chunk = input.read()) {
        bytes_read_ += chunk.size();
        record.text += chunk;
        record.oversized = record.text.size() > k_max_narinfo_bytes;
        if (record.oversized) {
            record.text.clear();
            break;
        }
    }
    if (input.stopped()) return false;
    if (input.error() != 0) {
        return visit(problem_with(file, "can't be read: " + reason_of(input.error())));
    }
    return visit({file, std::move(record), {}});
}

bool NarinfoSource::visit_stream(const std::string& file, const Visit& visit) {
    bool go_on = true;
    RecordSplitter splitter([&](Record record) {
        go_on = go_on && visit({file, std::move(record), {}});
    });
    const bool compressed = fs::path(file).extension() == ".zst";
    Decompressor decompressor;
    InputFile input(file, buffer_, stop_);
    for (auto chunk = input.read(); !chunk.empty() && go_on; chunk = input.read()) {
        bytes_read_ += chunk.size();
        if (!compressed) {
            splitter.feed(chunk);
            continue;
        }
        const auto problem = decompressor.feed(chunk, splitter);
        if (!problem.empty())
            return go_on && visit(problem_with(file, "bad zstd data: " + problem));
    }
    if (!go_on || input.stopped()) return false;
    if (input.error() != 0) {
        return visit(problem_with(file, "can't be read: " + reason_of(input.error())));
    }
    if (compressed && decompressor.truncated()) {
        return visit(problem_with(file, "ends in the middle of its zstd data"));
    }
    splitter.finish();
    return go_on;
}

}  // namespace narthex::service
