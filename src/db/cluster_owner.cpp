#include "cluster_owner.hpp"

#include "process_child.hpp"

#include "narthex/db/cluster.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>

namespace narthex::db {

namespace fs = std::filesystem;

namespace {

bool we_are_root() {
    return ::geteuid() == 0;
}

struct User {
    std::string name;
    Identity identity;
    std::string home;
};

// `look_up` is a call of getpwuid_r or getpwnam_r.
template <class LookUp>
std::optional<User> find_user(LookUp look_up) {
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (look_up(&entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
    return User{entry.pw_name, {entry.pw_uid, entry.pw_gid}, entry.pw_dir};
}

std::optional<User> find_user(uid_t uid) {
    return find_user([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
        return ::getpwuid_r(uid, entry, buffer, size, found);
    });
}

std::optional<User> find_user(const char* name) {
    return find_user([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
        return ::getpwnam_r(name, entry, buffer, size, found);
    });
}

Identity unprivileged_user() {
    for (const char* name : {"narthex", "postgres"}) {
        if (const auto user = find_user(name)) return user->identity;
    }
    throw ClusterError(
        "PostgreSQL refuses to run as root, and there is no user narthex or postgres to run it as; "
        "create one: adduser --system --group narthex"
    );
}

std::string describe(uid_t uid) {
    const auto user = find_user(uid);
    return user ? user->name : "user id " + std::to_string(uid);
}

[[noreturn]] void fail(const std::string& what, const fs::path& path) {
    throw ClusterError(
        "cannot " + what + " " + path.string() + ": " + os_error() +
        "; choose another directory with --data-dir"
    );
}

// Modes are set, not left to the umask: with root's 077 the owner couldn't pass the parents.
void make_directory(const fs::path& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0) {
        if (errno != EEXIST) fail("create", path);
        return;
    }
    if (::chmod(path.c_str(), mode) != 0) fail("set the mode of", path);
}

void make_parents(const fs::path& path) {
    std::error_code ignored;
    if (fs::exists(path, ignored)) return;
    make_parents(path.parent_path());
    make_directory(path, 0755);
}

void require_enterable(const Identity& owner, const fs::path& path) {
    if (!we_are_root() || can_enter(owner, path)) return;
    fs::path current;
    for (const fs::path& part : fs::canonical(path)) {
        current /= part;
        if (!can_enter(owner, current)) break;
    }
    throw ClusterError(
        "PostgreSQL would run as " + describe(owner.uid) + ", who cannot enter " +
        current.string() + "; choose another directory with --data-dir, or: chmod o+x " +
        current.string()
    );
}

// A mount point of its own comes with lost+found.
bool holds_nothing(const fs::path& path) {
    for (const auto& entry : fs::directory_iterator(path)) {
        if (entry.path().filename() != "lost+found") return false;
    }
    return true;
}

struct stat look_at(int fd, const fs::path& path) {
    struct stat result {};
    if (::fstat(fd, &result) != 0) fail("look at", path);
    return result;
}

// Several processes may do this at once: whoever finds the directory in use finds its owner too.
void adopt(int fd, const fs::path& path) {
    if (look_at(fd, path).st_uid != 0) return;
    const bool empty = holds_nothing(path);
    if (look_at(fd, path).st_uid != 0) return;
    if (!empty) {
        throw ClusterError(
            path.string() +
            " belongs to root and isn't empty, but PostgreSQL refuses to run as "
            "root; give it to the user that shall run PostgreSQL, or choose another --data-dir"
        );
    }
    const Identity owner = unprivileged_user();
    if (::fchown(fd, owner.uid, owner.gid) != 0) fail("give away", path);
}

Identity owner_of(int fd, const fs::path& path) {
    if (we_are_root()) adopt(fd, path);
    const struct stat now = look_at(fd, path);
    if (!we_are_root() && now.st_uid != ::geteuid()) {
        throw ClusterError(
            path.string() + " belongs to " + describe(now.st_uid) + ", and you are " +
            describe(::geteuid()) + "; run narthex as its owner, or choose another --data-dir"
        );
    }
    const mode_t safe = now.st_mode & 07755;  // whoever may write in it could swap the cluster
    if (safe != (now.st_mode & 07777) && ::fchmod(fd, safe) != 0) fail("set the mode of", path);
    const auto user = find_user(now.st_uid);
    return {now.st_uid, user ? user->identity.gid : now.st_gid};
}

// Asking for an impossible id changes nothing and returns the one in force.
Identity current() {
    return {
        static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))),
        static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1)))};
}

void become_for_files(const Identity& who) {
    ::setfsgid(who.gid);
    ::setfsuid(who.uid);
}

// While it lives, this thread has these supplementary groups: glibc's setgroups() would change all
// threads'. Nothing to do unless we are root.
class WithGroups {
  public:
    explicit WithGroups(const std::vector<gid_t>& groups) : active_(we_are_root()) {
        if (!active_) return;
        const int count = ::getgroups(0, nullptr);
        before_.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        if (count < 0 || ::getgroups(count, before_.data()) != count || !set(groups)) {
            throw ClusterError("root may not change its groups here (CAP_SETGID is missing)");
        }
    }
    ~WithGroups() {
        if (active_) set(before_);
    }
    WithGroups(const WithGroups&) = delete;
    WithGroups& operator=(const WithGroups&) = delete;

  private:
    static bool set(const std::vector<gid_t>& groups) {
        return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
    }

    bool active_;
    std::vector<gid_t> before_;
};

// 0 or an errno. O_PATH asks for the right to enter the directories of `path` alone.
int try_open(const fs::path& path, int flags) {
    const Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC));
    return fd.get() < 0 ? errno : 0;
}

// The command that gives us what is missing to read `file`, a path without links.
std::string way_out(const fs::path& file) {
    fs::path current;
    for (const fs::path& part : file.parent_path()) {
        current /= part;
        if (try_open(current / ".", O_PATH) == EACCES) return "chmod a+x " + current.string();
    }
    return "chmod a+r " + file.string();
}

}  // namespace

DataDir prepare_data_dir(const fs::path& path) {
    fs::path wanted = fs::absolute(path).lexically_normal();
    if (!wanted.has_filename()) wanted = wanted.parent_path();
    make_parents(wanted.parent_path());
    if (we_are_root() && !fs::exists(wanted)) {
        require_enterable(unprivileged_user(), wanted.parent_path());
    }
    make_directory(wanted, 0700);
    std::error_code error;
    const fs::path real = fs::canonical(wanted, error);
    const Descriptor fd(
        error ? -1 : ::open(real.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    );
    if (fd.get() < 0) {
        if (error) errno = error.value();
        fail("open", wanted);
    }
    const Identity owner = owner_of(fd.get(), real);
    static_cast<void>(user_name(owner.uid));
    require_enterable(owner, real);
    return {real, owner};
}

std::string user_name(uid_t uid) {
    if (const auto user = find_user(uid)) return user->name;
    throw ClusterError(
        "PostgreSQL needs a name for user id " + std::to_string(uid) + "; add it to /etc/passwd"
    );
}

std::vector<gid_t> groups_of(const Identity& who) {
    const std::string name = user_name(who.uid);
    int count = 32;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    while (::getgrouplist(name.c_str(), who.gid, groups.data(), &count) < 0) {
        groups.resize(static_cast<std::size_t>(count));
    }
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

std::string why_unreadable(
    const Identity& who, const std::vector<gid_t>& groups, const fs::path& file
) {
    int error = 0;
    {
        const WithGroups owners(groups);
        const ActingAs owner(who);
        error = try_open(file, O_RDONLY | O_NONBLOCK);
    }
    if (error == 0) return {};
    const std::string what = "can't be read by " + describe(who.uid) + ", as whom narthex serves: ";
    std::error_code unknown;
    const fs::path real = fs::canonical(file, unknown);
    if (error != EACCES || unknown) return what + os_error(error);
    const WithGroups owners(groups);
    const ActingAs owner(who);
    return what + way_out(real);
}

// setfsuid is per thread, unlike seteuid, and takes root's rights over files away meanwhile.
ActingAs::ActingAs(const Identity& who) : active_(we_are_root()), before_(current()) {
    if (!active_) return;
    become_for_files(who);
    if (current().uid == who.uid) return;
    become_for_files(before_);
    throw ClusterError(
        "root may not act as " + describe(who.uid) +
        " here (CAP_SETUID is missing); run narthex "
        "as " +
        describe(who.uid)
    );
}

ActingAs::~ActingAs() {
    if (active_) become_for_files(before_);
}

fs::path default_data_dir() {
    if (we_are_root()) return "/var/lib/narthex";
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && state[0] == '/') return fs::path(state) / "narthex";
    const char* home = std::getenv("HOME");
    const auto user = find_user(::geteuid());
    const fs::path base = home != nullptr ? home : user ? user->home : "";
    if (base.is_absolute()) return base / ".local/state/narthex";
    throw ClusterError("you have no home directory; name a directory with --data-dir");
}

}  // namespace narthex::db
