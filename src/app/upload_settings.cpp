// The settings of uploads: part of the table in settings.cpp.
#include "setting_kinds.hpp"

namespace narthex::app {

namespace {

// Each value is one of a list, as `parse` reads it; the first that is wrong is named.
Result<void> set_trusted_keys(Config& config, const std::string& given) {
    config.trusted_keys.clear();
    for (const auto& text : split_lines(given)) {
        auto key = PublicKey::parse(text);
        if (!key) return key.error();
        config.trusted_keys.push_back(std::move(*key));
    }
    return {};
}

std::string show_trusted_keys(const Config& config) {
    std::string lines;
    for (const auto& key : config.trusted_keys) lines += key.to_string() + '\n';
    return lines;
}

std::string show_signing_keys(const Config& config) {
    std::string lines;
    for (const auto& file : config.signing_key_files) lines += file + '\n';
    return lines;
}

}  // namespace

std::vector<Setting> upload_settings() {
    return {
        text(
            "upload-dir",
            "DIR",
            "where uploaded NARs go; without: nars in the data directory, with --database nowhere",
            [](Config& config) -> std::string& { return config.upload_dir; }
        ),
        {"trusted-key",
         "KEY",
         "NAME:BASE64 of a key whose signature lets a path be uploaded, beside those of its cache; "
         "repeatable",
         set_trusted_keys,
         show_trusted_keys,
         true},
        {"signing-key",
         "FILE",
         "secret key to sign uploads with, where the cache is set to (narthex cache set "
         "--sign-uploads); repeatable: each signs",
         [](Config& config, const std::string& given) -> Result<void> {
             config.signing_key_files = split_lines(given);
             return {};
         },
         show_signing_keys,
         true},
        number(
            "max-nar-bytes",
            "BYTES",
            "size of an uploaded NAR, compressed; larger is answered with 413",
            {1, 1ULL << 46},
            [](Config& config) -> auto& { return config.uploads.nar_bytes; }
        ),
        number(
            "max-companion-bytes",
            "BYTES",
            "size of an uploaded log or listing; larger is answered with 413",
            {1024, 1ULL << 28},
            [](Config& config) -> auto& { return config.uploads.companion_bytes; }
        ),
        number(
            "upload-memory-bytes",
            "BYTES",
            "memory for all uploads under way; past it they are answered with 503",
            {1 << 20, 1ULL << 40},
            [](Config& config) -> auto& { return config.uploads.memory_bytes; }
        ),
        number(
            "publish-connections",
            "N",
            "connections that store uploads",
            {1, 64},
            [](Config& config) -> auto& { return config.publish_connections; }
        ),
        number(
            "publish-timeout-ms",
            "MS",
            "how long the database may take to store an upload before it is answered with 503",
            {10, 600'000},
            [](Config& config) -> auto& { return config.uploads.publish; }
        ),
        number(
            "orphan-age-seconds",
            "SECONDS",
            "how old an uploaded NAR that no narinfo names gets; longer than the longest nix copy",
            {1, k_longest_age},
            [](Config& config) -> auto& { return config.orphan_age; }
        ),
    };
}

}  // namespace narthex::app
