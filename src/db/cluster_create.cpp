#include "cluster_files.hpp"
#include "cluster_postmaster.hpp"
#include "process_child.hpp"

#include "narthex/db/cluster.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>

namespace narthex::db {

namespace fs = std::filesystem;

namespace {

// initdb says why on lines of its own, between its progress.
std::string errors_of(const std::string& output) {
    std::string result;
    for (std::size_t begin = 0; begin < output.size();) {
        const auto end = std::min(output.find('\n', begin), output.size());
        const std::string line = output.substr(begin, end - begin);
        begin = end + 1;
        if (line.find("error:") == std::string::npos && line.find("FATAL") == std::string::npos) {
            continue;
        }
        result += (result.empty() ? "" : "; ") + line;
    }
    return result.empty() ? "it gives no reason" : result;
}

void run_initdb(const DataDir& dir, const Binaries& binaries, const FileLock& control) {
    const fs::path target = Layout(dir.path).new_postgres;
    Command command{
        {binaries.initdb,
         "--pgdata=" + target.string(),
         "--username=narthex",
         "--encoding=UTF8",
         "--locale=C",
         "--auth=peer",
         "--no-instructions"},
        dir.owner};
    if (is_fast_test()) command.argv.push_back("--no-sync");
    constexpr std::chrono::seconds k_limit(120);
    const Outcome outcome = run(command, k_limit, control.descriptor());
    if (outcome.succeeded) return;
    throw ClusterError(
        "cannot create the PostgreSQL cluster in " + dir.path.string() + ": " +
        errors_of(outcome.output)
    );
}

}  // namespace

void create_cluster(const DataDir& dir, const Binaries& binaries, const FileLock& control) {
    const Layout layout(dir.path);
    const ActingAs owner(dir.owner);
    if (fs::exists(layout.postgres / "PG_VERSION")) return;
    if (fs::exists(layout.postgres) && !fs::is_empty(layout.postgres)) {
        throw ClusterError(
            layout.postgres.string() + " isn't empty and isn't a PostgreSQL cluster; move it away"
        );
    }
    fs::remove_all(layout.new_postgres);
    run_initdb(dir, binaries, control);
    write_settings(layout.new_postgres);
    sync_directory(layout.new_postgres);
    if (std::rename(layout.new_postgres.c_str(), layout.postgres.c_str()) != 0) {
        throw ClusterError("cannot create " + layout.postgres.string() + ": " + os_error());
    }
    sync_directory(dir.path);
}

}  // namespace narthex::db
