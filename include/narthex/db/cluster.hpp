// The private PostgreSQL of a data directory, shared by all narthex processes that name it:
// whoever comes first creates and starts it, whoever finds it dead restarts it, the last one out
// stops it. It outlives the death of any of them, and listens on a unix socket only, unless regions
// shall reach it.
//
// Layout: postgres/ (PGDATA), run/ (the socket), postgres.log, lock.share (held shared by everyone
// at work), lock.control (held by whoever starts or stops), socket-dir (where the socket is when
// run/ doesn't do), region-listen (where it listens for regions), region-tls/ (their certificate).
// Everything belongs to owner_uid(), also what root makes.
//
// NARTHEX_TEST_FAST_POSTGRES=1 starts PostgreSQL with fsync=off: for tests, a power cut loses data.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace narthex::db {

// One line for people: what failed, and the way out.
class ClusterError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Where regions reach PostgreSQL: by TCP and TLS, with roles of narthex_regions, in the database
// narthex alone.
struct RegionListener {
    std::string address;  // an IP address; empty: nowhere
    std::uint16_t port;
    std::uint32_t wal_keep_mb;  // WAL that is kept for a region that is away, at most

    bool operator==(const RegionListener&) const = default;
};

class Cluster {
  public:
    // Creates the cluster if the directory is new, starts PostgreSQL if nobody has, takes a share
    // in it. Waits up to a minute for others that start or stop it and another for PostgreSQL.
    // Throws ClusterError; a PostgreSQL that needs longer (crash recovery) is left to go on.
    // `listener`: from now on, whoever starts it. Throws when it runs already and listens
    // elsewhere. Absent: as it was said last.
    [[nodiscard]] static std::unique_ptr<Cluster> open(
        const std::filesystem::path& data_dir,
        const std::optional<RegionListener>& listener = std::nullopt
    );

    // The last one out stops PostgreSQL (fast shutdown). In a forked child: closes files only.
    ~Cluster();

    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    // The libpq connection string of database narthex, as keywords. The same for the whole life.
    [[nodiscard]] const std::string& uri() const;
    [[nodiscard]] std::string uri_for(const std::string& dbname) const;

    // Absent: it doesn't listen for regions.
    [[nodiscard]] std::optional<RegionListener> region_listener() const;

    // Restarts PostgreSQL if it is dead, waits if it is on its way; one round trip when it's alive.
    // For whoever lost a connection: from any thread of any process. Throws as open() does.
    void revive();

    // Whom PostgreSQL runs as: the data directory's owner. Never root.
    [[nodiscard]] uid_t owner_uid() const;
    [[nodiscard]] gid_t owner_gid() const;

    // Why that user, with its groups, can't read `file`, and the way out; empty when it can:
    // `serve` runs as it. Some microseconds: it opens the file.
    [[nodiscard]] std::string why_unreadable(const std::filesystem::path& file) const;

    // Absolute, without symbolic links.
    [[nodiscard]] const std::filesystem::path& data_dir() const;

  private:
    struct State;
    explicit Cluster(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Root: /var/lib/narthex. Others: $XDG_STATE_HOME/narthex or ~/.local/state/narthex.
// Throws ClusterError for a user without a home directory.
[[nodiscard]] std::filesystem::path default_data_dir();

}  // namespace narthex::db
