// A narinfo cut into its lines: the first half of Narinfo::parse, which knows the names of the
// fields and how often each may come, but not what their values mean.
// Pure functions, any thread.
#pragma once

#include "narthex/core/narinfo.hpp"

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

namespace narthex {

// A line's value; line 0 where the narinfo has no such line.
struct Field {
    std::size_t line = 0;
    std::string_view value;
};

// Fields that come once at most.
enum Single : std::size_t {
    s_store_path,
    s_nar_hash,
    s_nar_size,
    s_references,
    s_deriver,
    s_ca,
    s_system,
    s_signature,
    k_singles
};
inline constexpr std::array<std::string_view, k_singles> k_single_names = {
    "StorePath", "NarHash", "NarSize", "References", "Deriver", "CA", "System", "Signature"};

// Fields that may come again: once a URL, or as often as there are signatures.
enum Repeated : std::size_t { r_url, r_compression, r_file_hash, r_file_size, r_sig, k_repeated };
inline constexpr std::array<std::string_view, k_repeated> k_repeated_names = {
    "URL", "Compression", "FileHash", "FileSize", "Sig"};

struct NarinfoLines {
    std::array<Field, k_singles> singles;
    std::array<std::vector<Field>, k_repeated> repeated;
};

// The lines of `text`, into which they point. Refuses what is not clean lines of "Key: value",
// a second line of a single field, and a missing mandatory field.
[[nodiscard]] boost::system::result<NarinfoLines, ParseError> read_lines(std::string_view text);

// The line, counted from 1, that the byte at `offset` is on.
[[nodiscard]] std::size_t line_at(std::string_view text, std::size_t offset);

}  // namespace narthex
