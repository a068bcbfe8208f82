// One of a server's caches: a store directory, keys and a place under which it is served.
#pragma once

#include "narthex/core/trust.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace narthex {

enum class Visibility { public_cache, private_cache };

struct Cache {
    int id = 0;
    std::string name;  // see is_cache_name
    std::string store_dir;
    int priority = 40;  // 0 is the highest; cache.nixos.org has 40
    bool want_mass_query = true;
    Visibility visibility = Visibility::public_cache;
    std::vector<PublicKey> trusted_keys;   // whoever signs with one may publish; shown to clients
    std::vector<GuixKey> authorized_keys;  // the same, of Guix's; the first is /signing-key.pub
    bool sign_uploads = false;  // the server signs what is uploaded, which needs no other signature
    bool allow_gaps = false;    // an upload may refer to paths that the cache lacks
    // What isn't here is asked of these, in their order (core/upstream.hpp: parse_upstream). With
    // any of them it is a pull-through cache, a kind of its own: nobody publishes into it.
    std::vector<std::string> upstreams;

    [[nodiscard]] bool pulls_through() const { return !upstreams.empty(); }
    bool operator==(const Cache&) const = default;
};

// All that a narinfo of the cache may be signed with; none: it needn't be signed.
[[nodiscard]] TrustedKeys trusted_keys_of(const Cache& cache);

inline constexpr std::string_view k_default_cache = "default";

// [a-z0-9][a-z0-9_-]{0,62}, and not the first component of another path that narthex serves.
[[nodiscard]] bool is_cache_name(std::string_view name);

// Why nothing may be published into `cache`, with the way out: what is pulled and what is published
// never mix.
[[nodiscard]] Result<void> check_publishable(const Cache& cache);

// The body of nix-cache-info. GetNarInfosV1 names where Determinate Nix may ask for many narinfos
// at once, from the server's root; other clients ignore the line. A pull-through cache has none: it
// pulls what is asked for one by one.
[[nodiscard]] std::string render_cache_info(const Cache& cache);

}  // namespace narthex
