// Where an import reads from: files, directories, standard input. A *.narinfo file is one narinfo;
// *.tar (*.tar.zst, .gz, .xz, .bz2, *.tgz) has narinfos as its *.narinfo members; any other file,
// and
// "-", is a stream of narinfos separated by empty lines; *.zst is decompressed on the way.
// Directories are searched for *.narinfo, however deep. Memory stays bounded by one narinfo. One
// thread.
#pragma once

#include "narthex/core/record_splitter.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace narthex::service {

struct SourceItem {
    std::string file;     // "-" for standard input
    Record record;        // first_line counts in the file
    std::string problem;  // not empty: the file can't be read, and why; record is empty
};

class NarinfoSource {
  public:
    // Once `stop` is set, a read that a signal interrupts is the end of the input.
    explicit NarinfoSource(
        std::vector<std::string> inputs, const std::atomic<bool>* stop = nullptr
    );

    // Sum of the sizes of the files there are to read, for progress; absent when an input has none
    // (a pipe). Walks the directories.
    [[nodiscard]] std::optional<std::uint64_t> total_bytes() const;

    // Calls `visit` for each narinfo until it returns false. Unreadable files are items too.
    void for_each(const std::function<bool(SourceItem)>& visit);

    // Bytes of the files (compressed) that were read so far.
    [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

  private:
    using Visit = std::function<bool(SourceItem)>;

    bool visit_input(const std::string& input, const Visit& visit);
    bool visit_directory(const std::string& directory, const Visit& visit);
    bool visit_archive(const std::string& file, const Visit& visit);
    bool visit_narinfo_file(const std::string& file, const Visit& visit);
    bool visit_stream(const std::string& file, const Visit& visit);

    std::vector<std::string> inputs_;
    const std::atomic<bool>* stop_;
    std::vector<char> buffer_;
    std::uint64_t bytes_read_ = 0;
};

}  // namespace narthex::service
