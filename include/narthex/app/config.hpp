// The configuration of `narthex serve` and of the database that every command works on. Each key
// stands in the TOML file, as a flag (--KEY) and in the environment (NARTHEX_KEY); a flag beats the
// environment, which beats the file, which beats the default. Unknown keys are errors.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/core/signature.hpp"
#include "narthex/db/cluster.hpp"
#include "narthex/http/narinfo_answer.hpp"
#include "narthex/http/options.hpp"
#include "narthex/service/upstream_limits.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::app {

struct Config {
    std::string database;  // URI; empty: the embedded one below data_dir
    std::string data_dir;  // empty: db::default_data_dir()
    db::RegionListener regions{"", 0, 10 * 1024};
    std::string log_level = "info";
    http::ServerOptions server;
    http::ServerOptions admin = http::admin_options();
    http::HandlerOptions handler;
    http::MaxAges max_ages;
    std::size_t cache_bytes = 256 * 1024 * 1024;
    std::size_t database_connections = 2;
    std::size_t largest_batch = 128;
    http::BulkLimits bulk;
    std::size_t bulk_connections = 1;
    std::string upload_dir;  // empty: below the data directory, or nowhere
    http::UploadLimits uploads;
    std::size_t publish_connections = 2;
    std::chrono::seconds orphan_age{2 * 86'400};
    std::vector<PublicKey> trusted_keys;
    std::vector<std::string> signing_key_files;
    service::UpstreamLimits upstreams;
    std::chrono::milliseconds primary_timeout{20'000};  // of a region's
    std::string instance_ca;                            // file; empty: the system's certificates
    std::string nar_dir;           // empty: below the data directory, or nowhere
    std::size_t nar_fetches = 64;  // at once, from the primary
    bool fetches_all_nars = false;
    std::chrono::days keep_purged{0};  // a full region's; 0: no longer than its primary
    bool count_requests = true;
    std::chrono::seconds count_flush{10};
    std::chrono::days count_keep{400};
    std::uint64_t auto_restore = 0;            // requests; 0: never
    std::chrono::seconds ready_lag{60};        // 0: any
    std::chrono::hours region_drop_after{72};  // 0: never
};

struct Setting {
    const char* key;    // idle-timeout-seconds
    const char* value;  // what the help calls its value; "" for an on/off flag
    const char* help;
    std::function<Result<void>(Config&, const std::string&)> set;
    std::function<std::string(const Config&)> show;  // never a secret
    bool is_list = false;  // several values: a list in TOML, separated by newlines elsewhere

    [[nodiscard]] std::string flag() const;         // --idle-timeout-seconds
    [[nodiscard]] std::string environment() const;  // NARTHEX_IDLE_TIMEOUT_SECONDS
};

// All of them, in the order of the help.
[[nodiscard]] std::span<const Setting> settings();
[[nodiscard]] const Setting& setting(std::string_view key);

[[nodiscard]] Config default_config();

// Without empty ones: the values of a setting that is a list.
[[nodiscard]] std::vector<std::string> split_lines(const std::string& text);

// Where values come from, by key; what is absent isn't set there.
struct ConfigSources {
    std::optional<std::string> file;                      // path of the TOML file
    std::map<std::string, std::string> flags;             // as given on the command line
    std::function<const char*(const char*)> environment;  // std::getenv, but for tests
};

struct LoadedConfig {
    Config config;
    std::map<std::string, std::string> origins;  // key -> "default", "/etc/narthex.toml:3", ...
};

// The error names the key and where its bad value comes from.
[[nodiscard]] Result<LoadedConfig> load_config(const ConfigSources& sources);

// What --check-config prints: a TOML file with the origin of each value behind it.
[[nodiscard]] std::string render_config(const LoadedConfig& loaded);

}  // namespace narthex::app
