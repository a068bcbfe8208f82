// Texts that wait on disk until it is their turn: a temporary file without a name, which goes with
// the process. Appending: one thread. Reading: any, also meanwhile.
// Throws std::system_error, whose text names the directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace narthex::service {

class Spool {
  public:
    struct Extent {
        std::uint64_t offset;
        std::uint32_t size;
    };

    explicit Spool(std::filesystem::path directory);
    ~Spool();
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    Extent append(std::string_view bytes);
    // After the last append, before the first read.
    void flush();
    [[nodiscard]] std::string read(const Extent& extent) const;
    void clear();
    [[nodiscard]] std::uint64_t bytes() const { return flushed_ + pending_.size(); }

  private:
    [[noreturn]] void fail(const char* what) const;

    std::filesystem::path directory_;
    int fd_ = -1;
    std::uint64_t flushed_ = 0;
    std::string pending_;
};

}  // namespace narthex::service
