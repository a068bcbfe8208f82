#include "cluster_files.hpp"

#include "cluster_regions.hpp"
#include "process_child.hpp"

#include "narthex/db/cluster.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace narthex::db {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const char* what, const fs::path& path) {
    throw ClusterError(std::string("cannot ") + what + " " + path.string() + ": " + os_error());
}

// An eighth of the memory, in MB: narinfos are read by chance, so what isn't in PostgreSQL's own
// buffers costs a copy from the kernel's at each lookup.
std::size_t shared_buffers_mb() {
    const auto pages = static_cast<std::size_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
    const auto page = static_cast<std::size_t>(std::max(0L, ::sysconf(_SC_PAGESIZE)));
    return std::clamp<std::size_t>(pages * page / 8 >> 20, 128, 8192);
}

void write_all(const fs::path& file, int flags, std::string_view content) {
    const Descriptor fd(
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600)
    );
    if (fd.get() < 0) fail("write", file);
    while (!content.empty()) {
        const ssize_t count = ::write(fd.get(), content.data(), content.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("write", file);
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    if (!is_fast_test() && ::fsync(fd.get()) != 0) fail("write", file);
}

}  // namespace

Layout::Layout(const fs::path& root)
    : postgres(root / "postgres"),
      new_postgres(root / "postgres.new"),
      log(root / "postgres.log"),
      run(root / "run"),
      socket_record(root / "socket-dir"),
      region_listen(root / "region-listen"),
      region_tls(root / "region-tls"),
      share_lock(root / "lock.share"),
      control_lock(root / "lock.control") {}

void write_settings(const fs::path& postgres) {
    constexpr std::string_view k_settings = R"(
# Set by narthex when it made this cluster; yours to change. What it needs to reach PostgreSQL
# (socket, no TCP, access files) it gives on the command line, where it wins.
wal_level = logical
max_connections = 100
shared_buffers = {}MB
default_toast_compression = lz4
log_line_prefix = '%m [%p] '
lc_messages = 'C'
logging_collector = off
)";
    write_all(postgres / "postgresql.conf", O_APPEND, fmt::format(k_settings, shared_buffers_mb()));
}

void write_access(const DataDir& dir, const fs::path& postgres) {
    constexpr std::string_view k_head = "# Written by narthex whenever it starts PostgreSQL.\n";
    const auto line = [](uid_t uid) { return "narthex \"" + user_name(uid) + "\" narthex\n"; };
    std::string ident = std::string(k_head) + line(dir.owner.uid);
    if (dir.owner.uid != 0) ident += line(0);
    auto access = std::string(k_head) + "local all all peer map=narthex\n";
    // Of connections for logical replication PostgreSQL compares the database's name.
    if (find_region_listener(dir)) {
        access += "hostssl narthex +narthex_regions all scram-sha-256\n";
    }
    replace_file(postgres / "pg_hba.conf", access);
    replace_file(postgres / "pg_ident.conf", ident);
}

void replace_file(const fs::path& file, std::string_view content) {
    if (read_file(file) == content) return;
    fs::path fresh = file;
    fresh += ".new";
    write_all(fresh, O_TRUNC, content);
    if (::rename(fresh.c_str(), file.c_str()) != 0) fail("replace", file);
}

std::string read_file(const fs::path& file, std::size_t offset) {
    constexpr std::size_t k_most = 65536;
    std::ifstream stream(file, std::ios::binary | std::ios::ate);
    if (!stream) return {};
    const auto size = static_cast<std::size_t>(std::max<std::streamoff>(stream.tellg(), 0));
    const std::size_t begin = std::max(offset, size > k_most ? size - k_most : 0);
    if (begin >= size) return {};
    std::string result(size - begin, '\0');
    stream.seekg(static_cast<std::streamoff>(begin));
    stream.read(result.data(), static_cast<std::streamsize>(result.size()));
    result.resize(static_cast<std::size_t>(stream.gcount()));
    return result;
}

void sync_directory(const fs::path& directory) {
    if (is_fast_test()) return;
    const Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0 || ::fsync(fd.get()) != 0) fail("sync", directory);
}

bool is_fast_test() {
    const char* value = std::getenv("NARTHEX_TEST_FAST_POSTGRES");
    return value != nullptr && std::strcmp(value, "1") == 0;
}

}  // namespace narthex::db
