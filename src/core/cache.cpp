#include "narthex/core/cache.hpp"

#include <algorithm>
#include <array>

namespace narthex {

namespace {

// First components that clients ask for by fixed names (docs/protocol.md).
constexpr std::array<std::string_view, 13> k_reserved = {
    "_api",
    "api",
    "build-trace-v2",
    "debuginfo",
    "file",
    "get-narinfos-v1",
    "healthz",
    "log",
    "metrics",
    "nar",
    "nix-cache-info",
    "readyz",
    "realisations",
};

std::string path_of(const Cache& cache) {
    return cache.name == k_default_cache ? "/" : "/" + cache.name + "/";
}

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

TrustedKeys trusted_keys_of(const Cache& cache) {
    return {cache.trusted_keys, cache.authorized_keys};
}

bool is_cache_name(std::string_view name) {
    if (name.empty() || name.size() > 63 || name[0] == '_' || name[0] == '-') return false;
    return std::ranges::all_of(name, is_name_character) &&
           std::ranges::find(k_reserved, name) == k_reserved.end();
}

Result<void> check_publishable(const Cache& cache) {
    if (!cache.pulls_through()) return {};
    return Error{
        "cache " + cache.name +
        " holds only what it pulls from its upstreams: publish into another one"};
}

std::string render_cache_info(const Cache& cache) {
    auto out = "StoreDir: " + cache.store_dir +
               "\nWantMassQuery: " + (cache.want_mass_query ? "1" : "0") +
               "\nPriority: " + std::to_string(cache.priority) + "\n";
    if (!cache.pulls_through()) out += "GetNarInfosV1: " + path_of(cache) + "get-narinfos-v1\n";
    return out;
}

}  // namespace narthex
