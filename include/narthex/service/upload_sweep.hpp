// Removes uploaded NARs that no narinfo has named for long, and what killed servers left: first
// their rows (from then on they are 404 and can't be named any more), then the files. A thread of
// its own; whatever fails is tried again at the next turn.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/service/upload_directory.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace narthex::service {

struct SweepReport {
    std::size_t leftovers = 0;  // of killed servers
    std::size_t condemned = 0;  // NARs that nobody named
    std::size_t removed = 0;    // files
};

// One turn. NARs younger than `orphan_age` and leftovers younger than `leftover_age` stay. Throws
// what db throws, and std::system_error.
SweepReport sweep_uploads(
    db::Connection& connection,
    const UploadDirectory& directory,
    std::chrono::seconds orphan_age,
    std::chrono::seconds leftover_age
);

class UploadSweep {
  public:
    // `directory` outlives it.
    UploadSweep(std::string uri, const UploadDirectory& directory, std::chrono::seconds orphan_age);
    ~UploadSweep();
    UploadSweep(const UploadSweep&) = delete;
    UploadSweep& operator=(const UploadSweep&) = delete;

  private:
    void run();
    void sweep();
    [[nodiscard]] bool pause();

    std::string uri_;
    const UploadDirectory& directory_;
    std::chrono::seconds orphan_age_;
    std::mutex mutex_;
    std::condition_variable stop_;
    bool stopping_ = false;
    std::unique_ptr<db::Connection> connection_;  // replaced under the mutex
    std::thread thread_;
};

}  // namespace narthex::service
