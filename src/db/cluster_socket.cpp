// Where the socket lives: the part of cluster_files.hpp that has to look outside the directory.
#include "cluster_files.hpp"
#include "process_child.hpp"

#include "narthex/core/hash.hpp"
#include "narthex/db/cluster.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <vector>

namespace narthex::db {

namespace fs = std::filesystem;

namespace {

// A comma separates hosts in a connection string, and nothing quotes it.
bool holds_socket(const fs::path& directory) {
    constexpr int k_longest_port = 65535;
    const std::string socket = (directory / socket_name(k_longest_port)).string();
    return socket.size() < sizeof(sockaddr_un::sun_path) && socket.find(',') == std::string::npos;
}

std::optional<struct stat> look_at(const fs::path& path) {
    struct stat result {};
    if (::lstat(path.c_str(), &result) != 0) return {};
    return result;
}

bool is_private(const fs::path& directory, uid_t owner) {
    const auto now = look_at(directory);
    return now && S_ISDIR(now->st_mode) && now->st_uid == owner && (now->st_mode & 077) == 0;
}

bool make_private(const fs::path& directory, uid_t owner) {
    ::mkdir(directory.c_str(), 0700);
    return is_private(directory, owner);
}

// What only root may make: /run/narthex for everyone, in it a directory for the owner.
bool make_in_run(const fs::path& directory, const Identity& owner) {
    const fs::path parent = directory.parent_path();
    if (::mkdir(parent.c_str(), 0755) == 0) ::chmod(parent.c_str(), 0755);
    const auto now = look_at(parent);
    if (!now || !S_ISDIR(now->st_mode) || now->st_uid != 0 || (now->st_mode & 022) != 0)
        return false;
    if (::mkdir(directory.c_str(), 0700) == 0) {
        [[maybe_unused]] const int done = ::lchown(directory.c_str(), owner.uid, owner.gid);
    }
    return is_private(directory, owner.uid);
}

bool make_external(const fs::path& directory, const Identity& owner) {
    if (!holds_socket(directory)) return false;
    if (directory.parent_path() != "/run/narthex") return make_private(directory, owner.uid);
    if (is_private(directory, owner.uid)) return true;
    if (::geteuid() != 0) return false;
    const ActingAs root({0, 0});
    return make_in_run(directory, owner);
}

std::vector<fs::path> candidates(const DataDir& dir) {
    const std::string key = std::to_string(dir.owner.uid) + ' ' + dir.path.string();
    const std::string hash = Sha256::of(key).to_nix().substr(7, 20);
    const std::string name = "narthex-" + std::to_string(dir.owner.uid) + "-" + hash;
    std::vector<fs::path> result;
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (::geteuid() == 0) {
        result.push_back(fs::path("/run/narthex") / name);
    } else if (runtime != nullptr && is_private(runtime, dir.owner.uid)) {
        result.push_back(fs::path(runtime) / name);
    }
    result.push_back(fs::path("/tmp") / name);
    return result;
}

}  // namespace

std::string socket_name(int port) {
    return ".s.PGSQL." + std::to_string(port);
}

fs::path socket_dir(const DataDir& dir) {
    const Layout layout(dir.path);
    const std::string recorded = read_file(layout.socket_record);
    return recorded.empty() ? layout.run : fs::path(recorded);
}

fs::path make_socket_dir(const DataDir& dir) {
    const Layout layout(dir.path);
    if (holds_socket(layout.run)) {
        ::unlink(layout.socket_record.c_str());
        ::mkdir(layout.run.c_str(), 0700);
        ::chmod(layout.run.c_str(), 0700);
        if (is_private(layout.run, dir.owner.uid)) return layout.run;
        throw ClusterError(
            layout.run.string() + " must be a directory of the data directory's owner; remove it"
        );
    }
    std::vector<fs::path> choices = candidates(dir);
    if (const fs::path used = socket_dir(dir); used != layout.run) {
        choices.insert(choices.begin(), used);
    }
    for (const fs::path& choice : choices) {
        if (!make_external(choice, dir.owner)) continue;
        replace_file(layout.socket_record, choice.string());
        return choice;
    }
    throw ClusterError(
        "the path of " + dir.path.string() + " is too long for a socket, and " +
        choices.back().string() +
        " isn't a private directory of its owner; remove that, or "
        "choose a shorter --data-dir"
    );
}

}  // namespace narthex::db
