#include "narthex/http/route.hpp"

#include "narthex/core/http_target.hpp"
#include "narthex/core/nar_url.hpp"
#include "narthex/core/store_path.hpp"

namespace narthex::http {

namespace {

constexpr std::string_view k_narinfo_suffix = ".narinfo";

// RFC 9112 3.2.2: servers accept http://host/path too.
std::string_view without_authority(std::string_view target) {
    const auto scheme = target.find("://");
    if (target.starts_with('/') || scheme == std::string_view::npos) return target;
    const auto path = target.find('/', scheme + 3);
    return path == std::string_view::npos ? "/" : target.substr(path);
}

// The cache whose name is the first component of `path`; takes that component off.
const Cache* take_cache(std::string_view& path, const std::vector<Cache>& caches) {
    const auto first = path.substr(0, path.find('/'));
    for (const auto& cache : caches) {
        if (cache.name != first || cache.name == k_default_cache) continue;
        path.remove_prefix(std::min(path.size(), first.size() + 1));
        return &cache;
    }
    return nullptr;
}

const Cache* default_cache(const std::vector<Cache>& caches) {
    for (const auto& cache : caches) {
        if (cache.name == k_default_cache) return &cache;
    }
    return nullptr;
}

Route narinfo_route(std::string_view path) {
    const auto hash = HashPart::parse(path.substr(0, path.size() - k_narinfo_suffix.size()));
    if (!hash) return {};
    return {Resource::narinfo, nullptr, *hash, {}};
}

Route route_in_cache(std::string_view path) {
    if (path.empty()) return {Resource::front_page, nullptr, std::nullopt, {}};
    if (path == "nix-cache-info") return {Resource::cache_info, nullptr, std::nullopt, {}};
    if (path.ends_with(k_narinfo_suffix)) return narinfo_route(path);
    if (auto nar = nar_path(path)) return {Resource::nar, nullptr, std::nullopt, std::move(*nar)};
    return {};
}

}  // namespace

Route route(std::string_view target, const std::vector<Cache>& caches) {
    auto path = split_target(without_authority(target)).path;
    if (!path.starts_with('/')) return {};
    path.remove_prefix(1);
    if (path == "healthz") return {Resource::health, nullptr, std::nullopt, {}};
    if (path == "readyz") return {Resource::ready, nullptr, std::nullopt, {}};
    const auto* cache = take_cache(path, caches);
    if (cache == nullptr) cache = default_cache(caches);
    auto found = route_in_cache(path);
    if (found.resource == Resource::unknown || cache == nullptr) return {};
    found.cache = cache;
    return found;
}

}  // namespace narthex::http
