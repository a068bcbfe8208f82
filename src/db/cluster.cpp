#include "narthex/db/cluster.hpp"

#include "cluster_files.hpp"
#include "cluster_lock.hpp"
#include "cluster_owner.hpp"
#include "cluster_postmaster.hpp"
#include "cluster_regions.hpp"
#include "cluster_server.hpp"

#include <unistd.h>

#include <system_error>
#include <utility>

namespace narthex::db {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds k_patience(60);

Deadline soon() {
    return std::chrono::steady_clock::now() + k_patience;
}

FileLock open_lock(const DataDir& dir, const fs::path& file) {
    const ActingAs owner(dir.owner);
    return FileLock(file);
}

// lock.control, while it lives.
class Control {
  public:
    explicit Control(const DataDir& dir) : lock_(open_lock(dir, Layout(dir.path).control_lock)) {
        lock_.wait_exclusive(soon());
    }
    ~Control() { lock_.unlock(); }
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;
    [[nodiscard]] const FileLock& lock() const { return lock_; }

  private:
    FileLock lock_;
};

Socket current_socket(const DataDir& dir) {
    const ActingAs owner(dir.owner);
    return {socket_dir(dir), port_of(dir)};
}

void listen_for_regions(const DataDir& dir, const RegionListener& listener) {
    if (find_region_listener(dir) == listener) return;
    if (find_postmaster(dir)) {
        throw ClusterError(
            "PostgreSQL in " + dir.path.string() + " was started with another --region-listen or " +
            "none; end the narthex that uses it, then start this one again"
        );
    }
    keep_region_listener(dir, listener);
}

}  // namespace

struct Cluster::State {
    DataDir dir;
    std::vector<gid_t> groups;  // of the owner
    FileLock share;
    Socket socket;
    std::string uri;
    pid_t process;  // a forked child has our descriptors, but no share of its own
};

std::unique_ptr<Cluster> Cluster::open(
    const fs::path& data_dir, const std::optional<RegionListener>& listener
) try {
    auto state = std::make_unique<State>();
    state->process = ::getpid();
    state->dir = prepare_data_dir(data_dir);
    const DataDir& dir = state->dir;
    state->groups = groups_of(dir.owner);
    const Control control(dir);
    state->share = open_lock(dir, Layout(dir.path).share_lock);
    state->share.wait_shared(soon());
    if (listener) listen_for_regions(dir, *listener);
    ensure_running(dir, control.lock(), soon());
    ensure_database(dir);
    state->socket = current_socket(dir);
    state->uri = connection_string(state->socket, "narthex");
    return std::unique_ptr<Cluster>(new Cluster(std::move(state)));
} catch (const fs::filesystem_error& error) {
    throw ClusterError("cannot use " + data_dir.string() + ": " + error.what());
}

Cluster::Cluster(std::unique_ptr<State> state) : state_(std::move(state)) {}

Cluster::~Cluster() {
    if (state_->process != ::getpid()) return;
    try {
        const Control control(state_->dir);
        if (state_->share.try_exclusive()) {
            constexpr std::chrono::seconds k_recovery(10);
            await_recovery(state_->dir, std::chrono::steady_clock::now() + k_recovery);
            stop_postmaster(state_->dir, soon());
        }
        state_->share.unlock();
    } catch (const std::exception&) {
        // PostgreSQL is left running; whoever opens the directory next will be the last one out.
    }
}

const std::string& Cluster::uri() const {
    return state_->uri;
}

std::string Cluster::uri_for(const std::string& dbname) const {
    return connection_string(state_->socket, dbname);
}

std::optional<RegionListener> Cluster::region_listener() const {
    return find_region_listener(state_->dir);
}

void Cluster::revive() try {
    const DataDir& dir = state_->dir;
    if (answers(dir)) return;
    const Control control(dir);
    ensure_running(dir, control.lock(), soon());
    if (current_socket(dir) == state_->socket) return;
    throw ClusterError("the socket of " + dir.path.string() + " has moved; restart this narthex");
} catch (const fs::filesystem_error& error) {
    throw ClusterError("cannot use " + state_->dir.path.string() + ": " + error.what());
}

uid_t Cluster::owner_uid() const {
    return state_->dir.owner.uid;
}

gid_t Cluster::owner_gid() const {
    return state_->dir.owner.gid;
}

std::string Cluster::why_unreadable(const fs::path& file) const {
    return db::why_unreadable(state_->dir.owner, state_->groups, file);
}

const fs::path& Cluster::data_dir() const {
    return state_->dir.path;
}

}  // namespace narthex::db
