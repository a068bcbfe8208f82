#include "narthex/service/root_list_file.hpp"

#include "narthex/core/root_list.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>

namespace narthex::service {

namespace {

constexpr std::size_t k_block_bytes = 256 * 1024;

struct Free {
    void operator()(archive* reader) const { archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, Free>;

Error problem_with(const std::string& file, archive* reader) {
    const char* reason = archive_error_string(reader);
    return Error{file + ": can't be read: " + (reason == nullptr ? "its data is bad" : reason)};
}

// One stream of bytes, decompressed: libarchive's raw format, or its empty one.
Archive make_reader() {
    Archive reader(archive_read_new());
    archive_read_support_filter_gzip(reader.get());
    archive_read_support_filter_xz(reader.get());
    archive_read_support_filter_zstd(reader.get());
    archive_read_support_format_raw(reader.get());
    archive_read_support_format_empty(reader.get());
    return reader;
}

bool open(archive* reader, const std::string& file) {
    const int state = file == "-" ? archive_read_open_fd(reader, STDIN_FILENO, k_block_bytes)
                                  : archive_read_open_filename(reader, file.c_str(), k_block_bytes);
    return state == ARCHIVE_OK;
}

Result<void> feed_all(archive* reader, const std::string& file, RootListReader& list) {
    std::array<char, 64 * 1024> buffer{};
    while (true) {
        const auto size = archive_read_data(reader, buffer.data(), buffer.size());
        if (size < 0) return problem_with(file, reader);
        if (size == 0) return {};
        const auto fed = list.feed({buffer.data(), static_cast<std::size_t>(size)});
        if (!fed) return Error{file + ":" + fed.error().message};
    }
}

}  // namespace

Result<std::vector<BaseName>> read_root_list(
    const std::string& file, const std::string& store_dir
) {
    const auto name = file == "-" ? std::string("standard input") : file;
    const auto reader = make_reader();
    if (!open(reader.get(), file)) return problem_with(name, reader.get());
    RootListReader list(store_dir);
    archive_entry* entry = nullptr;
    const int state = archive_read_next_header(reader.get(), &entry);
    if (state < ARCHIVE_WARN) return problem_with(name, reader.get());
    if (state != ARCHIVE_EOF) {
        if (auto fed = feed_all(reader.get(), name, list); !fed) return fed.error();
    }
    auto paths = list.finish();
    if (!paths) return Error{name + ":" + paths.error().message};
    return paths;
}

}  // namespace narthex::service
