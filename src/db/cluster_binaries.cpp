#include "cluster_binaries.hpp"

#include "cluster_files.hpp"

#include "narthex/db/cluster.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace narthex::db {

namespace fs = std::filesystem;

namespace {

constexpr int k_oldest_major = 15;

// The number at the start of `text`; 0 if there is none.
int number_at(std::string_view text) {
    int result = 0;
    std::from_chars(text.data(), text.data() + text.size(), result);
    return result;
}

bool has_programs(const fs::path& bin) {
    return ::access((bin / "postgres").c_str(), X_OK) == 0 &&
           ::access((bin / "initdb").c_str(), X_OK) == 0;
}

// Debian's place, one directory a major version.
std::vector<int> installed_majors(const fs::path& root) {
    std::vector<int> result;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root, error)) {
        if (has_programs(entry.path() / "bin")) {
            result.push_back(number_at(entry.path().filename().string()));
        }
    }
    std::sort(result.begin(), result.end());
    return result;
}

std::optional<fs::path> find_debian(int cluster_major) {
    const fs::path root = "/usr/lib/postgresql";
    const std::vector<int> majors = installed_majors(root);
    if (majors.empty()) return {};
    const bool same = std::find(majors.begin(), majors.end(), cluster_major) != majors.end();
    return root / std::to_string(same ? cluster_major : majors.back()) / "bin";
}

std::optional<fs::path> find_in_path(const DataDir& dir) {
    const char* value = std::getenv("PATH");
    std::istringstream directories(value == nullptr ? "" : value);
    for (std::string bin; std::getline(directories, bin, ':');) {
        if (bin.empty() || bin[0] != '/') continue;
        if (has_programs(bin)) return bin;
        const fs::path config = fs::path(bin) / "pg_config";
        if (::access(config.c_str(), X_OK) != 0) continue;
        std::string found = run({{config, "--bindir"}, dir.owner}, std::chrono::seconds(10)).output;
        found.erase(found.find_last_not_of(" \n") + 1);
        if (has_programs(found)) return found;
    }
    return {};
}

fs::path find_bin(const DataDir& dir, int cluster_major) {
    if (const char* named = std::getenv("NARTHEX_POSTGRES_BIN"); named != nullptr && *named != 0) {
        if (has_programs(named)) return fs::absolute(named);
        throw ClusterError(
            std::string("NARTHEX_POSTGRES_BIN: no postgres and initdb to run in ") + named
        );
    }
    if (const auto found = find_debian(cluster_major)) return *found;
    if (const auto found = find_in_path(dir)) return *found;
    throw ClusterError(
        "no PostgreSQL found; install PostgreSQL 15 or newer (apt install postgresql)"
    );
}

// "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)", "17beta1"
int ask_major(const fs::path& postgres, const DataDir& dir) {
    const Outcome outcome = run({{postgres, "--version"}, dir.owner}, std::chrono::seconds(10));
    const auto end = outcome.output.find(") ");
    const int major =
        end == std::string::npos ? 0 : number_at(std::string_view(outcome.output).substr(end + 2));
    if (outcome.succeeded && major > 0) return major;
    throw ClusterError(postgres.string() + " --version doesn't tell its version; reinstall it");
}

void require_same(int cluster, const Binaries& installed, const fs::path& postgres) {
    const std::string has = std::to_string(installed.major);
    const std::string needs = std::to_string(cluster);
    if (cluster > installed.major) {
        throw ClusterError(
            postgres.string() + " was made by PostgreSQL " + needs + ", newer than the installed " +
            has + " in " + installed.postgres.parent_path().string() + "; install PostgreSQL " +
            needs
        );
    }
    if (cluster < installed.major) {
        throw ClusterError(
            postgres.string() + " was made by PostgreSQL " + needs + ", older than the installed " +
            has + "; upgrade it with pg_upgrade, or install PostgreSQL " + needs +
            " again, export, and import into a new --data-dir"
        );
    }
}

}  // namespace

Binaries find_binaries(const DataDir& dir) {
    const Layout layout(dir.path);
    const int cluster = number_at(read_file(layout.postgres / "PG_VERSION"));
    const fs::path bin = find_bin(dir, cluster);
    Binaries result{bin / "postgres", bin / "initdb", 0};
    result.major = ask_major(result.postgres, dir);
    if (result.major < k_oldest_major) {
        throw ClusterError(
            "PostgreSQL " + std::to_string(result.major) + " in " + bin.string() +
            " is too old; install PostgreSQL 15 or newer (apt install postgresql)"
        );
    }
    if (cluster != 0) require_same(cluster, result, layout.postgres);
    return result;
}

}  // namespace narthex::db
