// Which thing of which cache a request's target names. Pure, any thread.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/companion.hpp"
#include "narthex/core/store_path.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::http {

enum class Resource {
    front_page,
    cache_info,
    narinfo,
    nar,
    signing_key,  // Guix's, of the cache
    health,
    ready,
    narinfos,        // many at once: POST or QUERY
    closure,         // all that a path needs
    cachix_missing,  // which paths aren't there, as Cachix's client asks: POST
    attic_missing,   // the same, as Attic's asks; its body names the cache
    companion,       // a listing, a log, ...
    instance,        // what this instance is of its primary and regions
    unknown,
};
inline constexpr std::size_t k_resources = 14;

struct Route {
    Resource resource = Resource::unknown;
    const Cache* cache = nullptr;  // of `caches`; null for what is the server's
    std::optional<HashPart> hash;  // of a narinfo, of a closure
    std::string nar;               // its URL, as in nar_path
    std::optional<CompanionPath> companion = std::nullopt;
};

// `target` as in the request line, absolute form included. The default cache is at /, the others
// are at /<name>/.
[[nodiscard]] Route route(std::string_view target, const std::vector<Cache>& caches);

}  // namespace narthex::http
