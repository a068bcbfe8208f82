// A directory of NAR files, laid out as a binary cache (nar/x.nar.xz), as the cache of
// `guix publish` (nar/gzip/x is gzip/x.nar, nar/x is none/x.nar), or holding what is below nar/.
#pragma once

#include "narthex/core/narinfo.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace narthex::service {

class NarDirectory {
  public:
    // Absent as a value: an error when `directory` isn't one.
    [[nodiscard]] static Result<NarDirectory> open(const std::filesystem::path& directory);

    [[nodiscard]] const std::string& base() const { return base_; }  // absolute, no links

    // The path below base() of the file that `file` names; the error says what is missing or that
    // its size isn't FileSize. Absent for URLs that name another server. Touches the disk.
    [[nodiscard]] Result<std::optional<std::string>> find(const NarFile& file) const;

  private:
    explicit NarDirectory(std::string base) : base_(std::move(base)) {}

    std::string base_;
};

}  // namespace narthex::service
