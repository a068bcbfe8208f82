// Which thing of which cache a request's target names. Pure, any thread.
#pragma once

#include "narthex/core/cache.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace narthex::http {

enum class Resource { front_page, cache_info, narinfo, nar, health, ready, unknown };

struct Route {
    Resource resource = Resource::unknown;
    const Cache* cache = nullptr;  // of `caches`; null for health, ready and unknown
    std::string key;               // narinfo: the hash part's bytes; nar: as in nar_path
};

// `target` as in the request line, absolute form included. The default cache is at /, the others
// are at /<name>/.
[[nodiscard]] Route route(std::string_view target, const std::vector<Cache>& caches);

}  // namespace narthex::http
