// The directory in which a region keeps NARs that it fetched: DIR/CACHE/nar/..., as their URLs are.
// A file has its name only when it is whole, verified and durable; before, it is in DIR/.incoming,
// locked by whoever writes it, so that what a killed server left is known. Made when it is first
// written to.
// All of it blocks on the disk and throws std::system_error (ENOSPC: it is full).
#pragma once

#include "narthex/core/hash.hpp"
#include "narthex/service/incoming_file.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::service {

// One that is coming in, read while it is written. When it goes, so does the file, unless it is
// kept. One thread writes; any thread reads what is written.
class IncomingKept {
  public:
    ~IncomingKept();
    IncomingKept(const IncomingKept&) = delete;
    IncomingKept& operator=(const IncomingKept&) = delete;

    void write(std::string_view bytes) { file_.write(bytes); }
    [[nodiscard]] std::uint64_t size() const { return file_.size(); }

    // After the last write, once.
    [[nodiscard]] Sha256 hash() { return file_.hash(); }

    // Makes it durable and gives it its name. Another of that name goes.
    void keep(const std::string& path);

    // `most` bytes from `offset`, or as many as there are.
    [[nodiscard]] std::string read(std::uint64_t offset, std::size_t most) const {
        return file_.read(offset, most);
    }

  private:
    friend class KeptNars;
    explicit IncomingKept(const std::string& name) : name_(name), file_(name) {}

    std::string name_;  // empty: it has the one for good
    IncomingFile file_;
};

class KeptNars {
  public:
    // `directory` empty: nothing can be kept.
    explicit KeptNars(std::string directory) : directory_(std::move(directory)) {}

    [[nodiscard]] bool keeps() const { return !directory_.empty(); }
    [[nodiscard]] const std::string& directory() const { return directory_; }

    // Where a NAR is when it is kept. `nar`: its URL, as in nar_path.
    [[nodiscard]] std::string path_of(const std::string& cache, const std::string& nar) const;

    // Whether a file is there, can be read, and has `size` bytes: under a URL that isn't of a hash
    // something else may have been published since.
    [[nodiscard]] static bool has(const std::string& path, std::optional<std::uint64_t> size);

    // For a NAR of `size` bytes, whose room is reserved where the file system can.
    [[nodiscard]] std::unique_ptr<IncomingKept> receive(std::uint64_t size) const;

    // Removes what killed servers left in .incoming.
    void remove_leftovers() const;

  private:
    std::string directory_;
};

}  // namespace narthex::service
