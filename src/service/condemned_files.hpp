// Unlinks files of NARs that are condemned. Nothing outside of a site's base is touched: no
// component of a path is followed that is a symbolic link. One thread.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/db/purging.hpp"

#include <map>
#include <string>

namespace narthex::service {

class CondemnedFiles {
  public:
    CondemnedFiles() = default;
    ~CondemnedFiles();
    CondemnedFiles(const CondemnedFiles&) = delete;
    CondemnedFiles& operator=(const CondemnedFiles&) = delete;

    // True when the file is gone now, or was already. An error names the file and the reason.
    [[nodiscard]] Result<bool> unlink(const db::CondemnedFile& file);
    // What was unlinked is so after a power cut, too. Throws std::system_error.
    void sync();

  private:
    [[nodiscard]] Result<int> directory_of(const db::CondemnedFile& file);

    std::map<std::string, int> directories_;  // open ones, by their names
};

}  // namespace narthex::service
