// flock files: the kernel releases them whatever ends the process, so nothing is ever stale.
// A lock belongs to one opening of the file: two openings exclude each other in one process too.
#pragma once

#include "process.hpp"

#include <filesystem>

namespace narthex::db {

class FileLock {
  public:
    FileLock() = default;

    // Creates the file if need be; holds nothing yet. Throws ClusterError, as all here do.
    explicit FileLock(std::filesystem::path file);

    void wait_shared(Deadline deadline);
    void wait_exclusive(Deadline deadline);

    // Gives up what is held first: false may leave nothing held.
    [[nodiscard]] bool try_exclusive();

    // At once and for good, even where a forked child has the descriptor too.
    void unlock();

    // For children that must keep the lock until they end, should we die.
    [[nodiscard]] const Descriptor& descriptor() const { return fd_; }

  private:
    [[nodiscard]] bool attempt(int operation);
    void wait(int operation, Deadline deadline);

    std::filesystem::path file_;
    Descriptor fd_;
};

}  // namespace narthex::db
