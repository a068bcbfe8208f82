// Binary forms of what bulk statements take. Layer db's own.
#pragma once

#include "libpq.hpp"

#include "narthex/core/store_path.hpp"

#include <span>
#include <string>
#include <string_view>

namespace narthex::db {

[[nodiscard]] inline std::string_view as_text(std::span<const unsigned char> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline std::string int2(int number) {
    return big_endian(static_cast<std::uint32_t>(number), 2);
}

[[nodiscard]] inline std::string hash_array(std::span<const HashPart> hashes) {
    BinaryArray array(BinaryArray::Of::bytea, hashes.size());
    for (const auto& hash : hashes) array.add(as_text(hash.bytes()));
    return array.take();
}

}  // namespace narthex::db
