// The page at /: what this server is, its keys, and how to use it from Nix and Guix. Plain HTML
// without scripts. Pure, any thread.
#pragma once

#include "narthex/core/cache.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace narthex::http {

// `url` is the server's own, without a trailing slash. Private caches are not listed.
[[nodiscard]] std::string front_page(
    const Cache& cache,
    const std::vector<Cache>& caches,
    std::string_view url,
    std::string_view version
);

}  // namespace narthex::http
