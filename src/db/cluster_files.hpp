// The files of a data directory. Whoever calls these acts as the owner (ActingAs), and holds
// lock.control where something is written.
#pragma once

#include "cluster_owner.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace narthex::db {

struct Layout {
    explicit Layout(const std::filesystem::path& root);

    std::filesystem::path postgres;      // PGDATA
    std::filesystem::path new_postgres;  // PGDATA while it is made
    std::filesystem::path log;
    std::filesystem::path run;  // the socket, where its path is short enough
    std::filesystem::path socket_record;
    std::filesystem::path region_listen;
    std::filesystem::path region_tls;
    std::filesystem::path share_lock;
    std::filesystem::path control_lock;
};

// PostgreSQL's name for its socket in that directory.
[[nodiscard]] std::string socket_name(int port);

// Where the socket is or will be, without a check.
[[nodiscard]] std::filesystem::path socket_dir(const DataDir& dir);

// Makes the socket's directory: run/, or where a path over 107 bytes (sun_path) or one that the
// connection string can't hold would come of it, a private one in the runtime directory, recorded
// in socket-dir for everybody. For whoever is about to start PostgreSQL.
[[nodiscard]] std::filesystem::path make_socket_dir(const DataDir& dir);

// Settings for a new cluster, which the operator may change.
void write_settings(const std::filesystem::path& postgres);

// pg_hba.conf and pg_ident.conf, which nobody shall change.
void write_access(const DataDir& dir, const std::filesystem::path& postgres);

// All at once: after a crash the file is the old or the new one.
void replace_file(const std::filesystem::path& file, std::string_view content);

// Empty if there is none. From `offset` on, at most 64 KiB, the last ones.
[[nodiscard]] std::string read_file(const std::filesystem::path& file, std::size_t offset = 0);

void sync_directory(const std::filesystem::path& directory);

// NARTHEX_TEST_FAST_POSTGRES=1.
[[nodiscard]] bool is_fast_test();

}  // namespace narthex::db
