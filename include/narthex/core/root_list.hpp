// Lists of store paths: one full path a line, as in the store-paths.xz of releases.nixos.org and in
// what `guix gc --list-live` or `guix size` print of items. Empty lines don't count, nor does a
// carriage return at a line's end. Paths that come again are folded. Pure, one thread.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/core/store_path.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace narthex {

// Distinct paths of one list: as large as a whole distribution is.
inline constexpr std::size_t k_most_root_paths = 4'000'000;

class RootListReader {
  public:
    // Paths must be of `store_dir`.
    explicit RootListReader(std::string store_dir);

    // The list comes in pieces of any size. After an error, which begins with the number of the
    // line
    // ("17: ..."), nothing more is to be fed.
    [[nodiscard]] Result<void> feed(std::string_view piece);
    // The list has ended: its paths by their hash parts. An error when there is none.
    [[nodiscard]] Result<std::vector<BaseName>> finish();

  private:
    [[nodiscard]] Result<void> take(std::string_view line);
    [[nodiscard]] Error fault(std::string_view what) const;

    std::string store_dir_;
    std::string pending_;   // a line whose end hasn't come
    std::size_t line_ = 1;  // of pending_
    std::unordered_map<HashPart, std::string> names_;
};

}  // namespace narthex
