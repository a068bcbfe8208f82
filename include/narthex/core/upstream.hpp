// Upstreams: the caches that a pull-through cache asks for what it doesn't have, and what it takes
// from them. Pure, any thread.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/narinfo.hpp"

#include <string>
#include <string_view>

namespace narthex {

// "https://cache.example.org" of the same with slashes at its end: http or https, a host, printable
// ASCII, at most 1024 bytes. Without a user, since everybody who lists the caches would see the
// password, and without a query or fragment, which nothing can be appended to. Else why not, as the
// end of a sentence.
[[nodiscard]] Result<std::string> parse_upstream(std::string_view text);

// The narinfo `text` that an upstream gave for `hash`: it parses, is of this path and of the
// cache's store directory, names NARs that clients can be sent to, and a key that the cache trusts
// signed it. Else why not, as the end of a sentence about the narinfo.
[[nodiscard]] Result<Narinfo> check_pulled(
    std::string text, const HashPart& hash, const Cache& cache
);

}  // namespace narthex
