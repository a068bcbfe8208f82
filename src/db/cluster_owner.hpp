// Whose the data directory is. As root, PostgreSQL runs as that unprivileged user, and root works
// in the directory only with that user's rights: what it makes there belongs to the owner, and a
// symbolic link that the owner plants leads root nowhere the owner couldn't go.
#pragma once

#include "process.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace narthex::db {

struct DataDir {
    std::filesystem::path path;  // canonical
    Identity owner;
};

// Creates the directory (0700) and its parents if they are missing, gives a new one to the user
// narthex or postgres when we are root. Throws ClusterError when it is not usable.
[[nodiscard]] DataDir prepare_data_dir(const std::filesystem::path& path);

// Throws ClusterError for a user id without a name: PostgreSQL needs one.
[[nodiscard]] std::string user_name(uid_t uid);

// As initgroups() sets them: the user's supplementary groups, and its own.
[[nodiscard]] std::vector<gid_t> groups_of(const Identity& who);

// Why `who` with these groups can't read `file`, and the way out; empty when it can. Asked of the
// kernel. Unless we are root, `who` is who we are.
[[nodiscard]] std::string why_unreadable(
    const Identity& who, const std::vector<gid_t>& groups, const std::filesystem::path& file
);

// While it lives, this thread's file accesses are the owner's. Nothing to do unless we are root.
class ActingAs {
  public:
    explicit ActingAs(const Identity& who);
    ~ActingAs();
    ActingAs(const ActingAs&) = delete;
    ActingAs& operator=(const ActingAs&) = delete;

  private:
    bool active_;
    Identity before_;
};

}  // namespace narthex::db
