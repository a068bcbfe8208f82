#include "narinfo_archive.hpp"

#include "narthex/core/narinfo.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string_view>

namespace narthex::service {

namespace {

constexpr std::size_t k_block_bytes = 256 * 1024;

struct Free {
    void operator()(archive* reader) const { archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, Free>;

std::string reason_of(archive* reader) {
    const char* reason = archive_error_string(reader);
    return reason == nullptr ? "its data is bad" : reason;
}

SourceItem problem_with(const std::string& file, archive* reader) {
    return {file, {{}, 0, false}, "can't be read: " + reason_of(reader)};
}

// Tar alone, of the formats that libarchive reads: the others only add ways to go wrong.
Archive open_archive(const std::string& file, bool& opened) {
    Archive reader(archive_read_new());
    archive_read_support_filter_all(reader.get());
    archive_read_support_format_tar(reader.get());
    opened = archive_read_open_filename(reader.get(), file.c_str(), k_block_bytes) == ARCHIVE_OK;
    return reader;
}

bool is_narinfo(archive_entry* entry) {
    const char* name = archive_entry_pathname(entry);
    return name != nullptr && archive_entry_filetype(entry) == AE_IFREG &&
           std::filesystem::path(name).extension() == ".narinfo";
}

// False on an error. A record past the limit is oversized, whatever its header says.
bool read_member(archive* reader, Record& record) {
    std::array<char, 64 * 1024> buffer{};
    while (true) {
        const auto size = archive_read_data(reader, buffer.data(), buffer.size());
        if (size < 0) return false;
        if (size == 0) return true;
        record.text.append(buffer.data(), static_cast<std::size_t>(size));
        if (record.text.size() <= k_max_narinfo_bytes) continue;
        record.oversized = true;
        record.text.clear();
        return true;
    }
}

}  // namespace

bool is_archive(const std::string& file) {
    constexpr std::array<std::string_view, 6> k_endings{
        ".tar", ".tar.zst", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2"};
    return std::ranges::any_of(k_endings, [&](auto ending) { return file.ends_with(ending); });
}

bool read_archive(
    const std::string& file, const std::function<bool(SourceItem, std::uint64_t bytes_read)>& visit
) {
    bool opened = false;
    const auto reader = open_archive(file, opened);
    const auto bytes_read = [&] {
        return static_cast<std::uint64_t>(
            std::max<la_int64_t>(archive_filter_bytes(reader.get(), -1), 0)
        );
    };
    if (!opened) return visit(problem_with(file, reader.get()), 0);
    archive_entry* entry = nullptr;
    while (true) {
        const int state = archive_read_next_header(reader.get(), &entry);
        if (state == ARCHIVE_EOF) return true;
        if (state < ARCHIVE_WARN) return visit(problem_with(file, reader.get()), bytes_read());
        if (!is_narinfo(entry)) continue;
        const auto name = file + ":" + archive_entry_pathname(entry);
        Record record{{}, 1, false};
        if (!read_member(reader.get(), record)) {
            return visit(problem_with(name, reader.get()), bytes_read());
        }
        if (!visit({name, std::move(record), {}}, bytes_read())) return false;
    }
}

}  // namespace narthex::service
