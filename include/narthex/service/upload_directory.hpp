// Where uploaded NARs lie on the disk. A file is written in incoming/ while it is hashed, made
// durable, and linked to its place, whose name has never been used before and never will be again.
// Its name in incoming/ goes away last, when the database knows it: whatever a killed server left
// is found there. Whoever writes a file holds a lock on it, which the kernel releases with the
// process.
// All of it blocks on the disk and throws std::system_error (ENOSPC: the disk is full).
#pragma once

#include "narthex/core/hash.hpp"
#include "narthex/service/incoming_file.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::service {

// A file that is coming in. When it goes, so does the file, unless that is committed or left. One
// thread at a time.
class IncomingNar {
  public:
    ~IncomingNar();
    IncomingNar(const IncomingNar&) = delete;
    IncomingNar& operator=(const IncomingNar&) = delete;

    void write(std::string_view bytes) { file_.write(bytes); }
    [[nodiscard]] std::uint64_t size() const { return file_.size(); }

    // After the last write, once.
    [[nodiscard]] Sha256 hash() { return file_.hash(); }

    // Makes it durable and links it to its place, which is returned: a path below the directory.
    [[nodiscard]] std::string place(const Sha256& hash);

    // The database knows its place.
    void commit();

    // Nobody knows whether the database knows it: a sweep will tell.
    void leave() { keep_ = true; }

  private:
    friend class UploadDirectory;
    IncomingNar(std::string base, std::string name);

    std::string base_;
    std::string name_;   // in incoming/
    std::string place_;  // empty: it has none yet
    IncomingFile file_;
    bool keep_ = false;
};

class UploadDirectory {
  public:
    // Makes what is missing, and a file to see that it can. Throws std::runtime_error that names
    // the directory.
    explicit UploadDirectory(const std::string& directory);

    [[nodiscard]] const std::string& base() const { return base_; }  // absolute, no links

    // Any thread.
    [[nodiscard]] std::unique_ptr<IncomingNar> receive() const;

    // A file in incoming/ that nobody is writing any more.
    struct Leftover {
        std::string name;   // in incoming/
        std::string place;  // empty: it was never linked to one
    };
    // Those that are at least `age` old.
    [[nodiscard]] std::vector<Leftover> leftovers(std::chrono::seconds age) const;

    // Ends a leftover: its place goes, too, unless the database knows it.
    void settle(const Leftover& leftover, bool known) const;

    // Removes a file; false when there is none.
    [[nodiscard]] bool remove(const std::string& place) const;

  private:
    std::string base_;
};

}  // namespace narthex::service
