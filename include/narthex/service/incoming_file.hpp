// A file that is being written: hashed on its way, read meanwhile, and locked by whoever writes it.
// The kernel releases the lock with the process, so that what a killed server left is known.
// All of it blocks on the disk and throws std::system_error (ENOSPC: it is full).
#pragma once

#include "narthex/core/hash.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::service {

// One thread writes; any thread reads what is written.
class IncomingFile {
  public:
    explicit IncomingFile(std::string file);  // a new one
    ~IncomingFile();                          // its name stays
    IncomingFile(const IncomingFile&) = delete;
    IncomingFile& operator=(const IncomingFile&) = delete;

    // Room for so many bytes, where the file system can.
    void reserve(std::uint64_t size);

    void write(std::string_view bytes);
    [[nodiscard]] std::uint64_t size() const { return size_; }

    // After the last write, once.
    [[nodiscard]] Sha256 hash() { return hash_.finish(); }

    void make_durable();

    // `most` bytes from `offset`, or as many as there are.
    [[nodiscard]] std::string read(std::uint64_t offset, std::size_t most) const;

  private:
    std::string file_;  // as it was named at first
    int fd_;
    std::uint64_t size_ = 0;
    Sha256Stream hash_;
};

// Whether a regular file is at least `age` old, and nobody is writing it.
[[nodiscard]] bool is_left_over(const std::string& file, std::chrono::seconds age);

// Removes one that nobody is writing, however young: also where somebody is just about to.
void remove_left_over(const std::string& file);

}  // namespace narthex::service
