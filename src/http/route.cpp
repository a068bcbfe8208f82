#include "narthex/http/route.hpp"

#include "narthex/core/http_target.hpp"
#include "narthex/core/nar_url.hpp"
#include "narthex/core/store_path.hpp"

namespace narthex::http {

namespace {

constexpr std::string_view k_narinfo_suffix = ".narinfo";
constexpr std::string_view k_closure_prefix = "api/v1/closure/";
constexpr std::string_view k_cachix_prefix = "api/v1/cache/";

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

Route closure_route(std::string_view hash) {
    const auto root = HashPart::parse(hash);
    if (!root) return {};
    return {Resource::closure, nullptr, *root, {}};
}

// api/v1/cache/NAME/narinfo; there the default cache has its name, too.
Route cachix_route(std::string_view path, const std::vector<Cache>& caches) {
    path.remove_prefix(k_cachix_prefix.size());
    for (const auto& cache : caches) {
        if (path.starts_with(cache.name) && path.substr(cache.name.size()) == "/narinfo") {
            return {Resource::cachix_missing, &cache, std::nullopt, {}};
        }
    }
    return {};
}

Route route_in_cache(std::string_view path) {
    if (path.empty()) return {Resource::front_page, nullptr, std::nullopt, {}};
    if (path == "nix-cache-info") return {Resource::cache_info, nullptr, std::nullopt, {}};
    if (path == "signing-key.pub") return {Resource::signing_key, nullptr, std::nullopt, {}};
    if (path.ends_with(k_narinfo_suffix)) return narinfo_route(path);
    if (path == "api/v1/narinfos" || path == "get-narinfos-v1") {
        return {Resource::narinfos, nullptr, std::nullopt, {}};
    }
    if (path.starts_with(k_closure_prefix)) {
        return closure_route(path.substr(k_closure_prefix.size()));
    }
    if (auto nar = nar_path(path)) return {Resource::nar, nullptr, std::nullopt, std::move(*nar)};
    auto companion = parse_companion_path(path);
    if (!companion) return {};
    return {Resource::companion, nullptr, std::nullopt, {}, std::move(companion)};
}

// Names of derivations may have a '?', which Nix before 2.34 doesn't encode in the names of logs:
// what looks like a query belongs to them.
std::string_view with_query_of_log(std::string_view path, std::string_view target) {
    if (!path.starts_with("log/")) return path;
    return target.substr(static_cast<std::size_t>(path.data() - target.data()));
}

}  // namespace

Route route(std::string_view target, const std::vector<Cache>& caches) {
    target = without_authority(target);
    auto path = split_target(target).path;
    if (!path.starts_with('/')) return {};
    path.remove_prefix(1);
    if (path == "healthz") return {Resource::health, nullptr, std::nullopt, {}};
    if (path == "readyz") return {Resource::ready, nullptr, std::nullopt, {}};
    if (path == "api/v1/instance") return {Resource::instance, nullptr, std::nullopt, {}};
    if (path == "_api/v1/get-missing-paths") return {Resource::attic_missing, nullptr, {}, {}};
    if (path.starts_with(k_cachix_prefix)) return cachix_route(path, caches);
    const auto* cache = take_cache(path, caches);
    if (cache == nullptr) cache = default_cache(caches);
    auto found = route_in_cache(with_query_of_log(path, target));
    if (found.resource == Resource::unknown || cache == nullptr) return {};
    found.cache = cache;
    return found;
}

}  // namespace narthex::http
