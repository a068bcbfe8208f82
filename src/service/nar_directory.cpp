#include "narthex/service/nar_directory.hpp"

#include "narthex/core/nar_url.hpp"

#include <fmt/format.h>

namespace narthex::service {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_nar_prefix = "nar/";

}  // namespace

Result<NarDirectory> NarDirectory::open(const fs::path& directory) {
    std::error_code error;
    auto base = fs::canonical(directory, error);
    if (error) return Error{fmt::format("{}: {}", directory.string(), error.message())};
    if (!fs::is_directory(base, error)) {
        return Error{fmt::format("{} is not a directory", directory.string())};
    }
    return NarDirectory(base.string());
}

Result<std::optional<std::string>> NarDirectory::find(const NarFile& file) const {
    if (names_another_server(file.url)) return std::optional<std::string>();
    const auto path = nar_path(file.url);
    if (!path) return Error{fmt::format("its URL {} names no file below nar/", file.url)};
    const auto below_nar = path->substr(k_nar_prefix.size());
    // As in a binary cache; without nar/; and as `guix publish --cache` lays its files out, where
    // the uncompressed nar/ITEM is in none/.
    for (const auto& candidate :
         {*path, below_nar, below_nar + ".nar", "none/" + below_nar + ".nar"}) {
        std::error_code error;
        const auto full = fs::path(base_) / candidate;
        if (!fs::is_regular_file(full, error)) continue;
        const auto size = fs::file_size(full, error);
        if (!error && file.size && size != *file.size) {
            return Error{fmt::format(
                "its NAR {} has {} bytes, FileSize says {}", full.string(), size, *file.size
            )};
        }
        return std::optional(candidate);
    }
    return Error{fmt::format("its NAR {} is not in {}", *path, base_)};
}

}  // namespace narthex::service
