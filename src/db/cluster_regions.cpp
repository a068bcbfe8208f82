#include "cluster_regions.hpp"

#include "cluster_files.hpp"
#include "process_child.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace narthex::db {

namespace fs = std::filesystem;

namespace {

constexpr int k_usual_port = 5432;

fs::path find_openssl() {
    const char* value = std::getenv("PATH");
    std::istringstream directories(value == nullptr ? "" : value);
    for (std::string bin; std::getline(directories, bin, ':');) {
        auto program = fs::path(bin) / "openssl";
        if (program.is_absolute() && ::access(program.c_str(), X_OK) == 0) return program;
    }
    throw ClusterError(
        "no openssl to make a certificate with for --region-listen (apt install openssl)"
    );
}

// Of nobody in particular: regions know their primary by a password that only it can check, and
// channel binding ties that to this certificate. SHA-256, since RFC 5929 takes the certificate's
// own hash. A directory beside the final one, then a rename: a crash leaves all of it or nothing.
void make_certificate(const DataDir& dir) {
    const auto target = Layout(dir.path).region_tls;
    if (fs::exists(target)) return;
    fs::path fresh = target;
    fresh += ".new";
    fs::remove_all(fresh);
    if (::mkdir(fresh.c_str(), 0700) != 0) {
        throw ClusterError("cannot create " + fresh.string() + ": " + os_error());
    }
    const Command command{
        {find_openssl(),
         "req",
         "-x509",
         "-newkey",
         "ec",
         "-pkeyopt",
         "ec_paramgen_curve:prime256v1",
         "-sha256",
         "-nodes",
         "-days",
         "36500",
         "-subj",
         "/CN=narthex",
         "-keyout",
         fresh / "key.pem",
         "-out",
         fresh / "certificate.pem"},
        dir.owner};
    constexpr std::chrono::seconds k_limit(60);
    const auto outcome = run(command, k_limit);
    if (!outcome.succeeded) {
        throw ClusterError("cannot make a certificate for regions: " + outcome.output);
    }
    fs::permissions(fresh / "key.pem", fs::perms(0600));
    sync_directory(fresh);
    if (::rename(fresh.c_str(), target.c_str()) != 0) {
        throw ClusterError("cannot create " + target.string() + ": " + os_error());
    }
}

}  // namespace

std::optional<RegionListener> find_region_listener(const DataDir& dir) {
    const ActingAs owner(dir.owner);
    const auto file = Layout(dir.path).region_listen;
    const auto text = read_file(file);
    if (text.empty()) return std::nullopt;
    RegionListener listener{};
    std::istringstream words(text);
    if (words >> listener.address >> listener.port >> listener.wal_keep_mb) return listener;
    throw ClusterError(file.string() + " isn't as narthex writes it; remove it");
}

void keep_region_listener(const DataDir& dir, const RegionListener& listener) {
    const ActingAs owner(dir.owner);
    make_certificate(dir);
    replace_file(
        Layout(dir.path).region_listen,
        fmt::format("{} {} {}\n", listener.address, listener.port, listener.wal_keep_mb)
    );
}

int port_of(const DataDir& dir) {
    const auto listener = find_region_listener(dir);
    return listener ? listener->port : k_usual_port;
}

std::vector<std::string> settings_for(const DataDir& dir, const RegionListener& at) {
    const auto tls = Layout(dir.path).region_tls;
    return {
        "wal_level=logical",
        "ssl=on",
        "ssl_cert_file=" + (tls / "certificate.pem").string(),
        "ssl_key_file=" + (tls / "key.pem").string(),
        "password_encryption=scram-sha-256",
        // A region takes one of each, three while it is copied.
        "max_wal_senders=64",
        "max_replication_slots=64",
        fmt::format("max_slot_wal_keep_size={}MB", at.wal_keep_mb),
    };
}

}  // namespace narthex::db
