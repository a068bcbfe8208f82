// Lists of store paths in files (core/root_list.hpp), as they are or compressed by xz, gzip or
// zstd.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/core/store_path.hpp"

#include <string>
#include <vector>

namespace narthex::service {

// The paths in `file` ("-": standard input), each once, by hash part. An error begins with the
// file's name, and with the line where one is bad; a compressed file that ends too early is one,
// too.
[[nodiscard]] Result<std::vector<BaseName>> read_root_list(
    const std::string& file, const std::string& store_dir
);

}  // namespace narthex::service
