// Narinfos in a tar archive, compressed or not: its *.narinfo members.
#pragma once

#include "narthex/service/narinfo_source.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace narthex::service {

// By its name.
[[nodiscard]] bool is_archive(const std::string& file);

// Calls `visit` for each, with the bytes of the file that were read so far, until it returns false;
// so does this then. What can't be read is an item, too. An item's file is "archive.tar:member".
bool read_archive(
    const std::string& file, const std::function<bool(SourceItem, std::uint64_t bytes_read)>& visit
);

}  // namespace narthex::service
