// Narinfos made up for tests: path number n is /nix/store/<path_hash(n)>-path-n, and unless a test
// says otherwise its NAR is nar/n.nar.xz with hash and size of its own.
#pragma once

#include "narthex/core/narinfo.hpp"

#include <string>
#include <vector>

namespace narthex::test {

// The order of the hashes has nothing to do with the order of the numbers.
[[nodiscard]] HashPart path_hash(int number);

[[nodiscard]] BaseName path_name(int number);

[[nodiscard]] NarinfoFields made_up_fields(int number, const std::vector<int>& references = {});

// The text of a valid narinfo of the Nix dialect.
[[nodiscard]] std::string made_up_text(int number, const std::vector<int>& references = {});

// The same path with another NarHash.
[[nodiscard]] std::string contradicting_text(int number, const std::vector<int>& references = {});

// Of the Guix dialect, in /nix/store as all of them: nar/gzip/<path> and nar/zstd/<path>.
[[nodiscard]] std::string guix_text(int number, const std::vector<int>& references = {});

[[nodiscard]] Narinfo made_up(int number, const std::vector<int>& references = {});

}  // namespace narthex::test
