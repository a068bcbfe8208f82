#include "narthex/core/upstream.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/core/trust.hpp"

#include <algorithm>

namespace narthex {

namespace {

// A site's base stands in an index of PostgreSQL's, whose entries are at most 2704 bytes.
constexpr std::size_t k_max_upstream_bytes = 1024;

bool is_printable_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// Clients are sent to it by a Location field, byte for byte.
bool is_reachable(const NarFile& file) {
    return is_printable_ascii(file.url) && (names_another_server(file.url) || nar_path(file.url));
}

}  // namespace

Result<std::string> parse_upstream(std::string_view text) {
    if (text.size() > k_max_upstream_bytes) return Error{"is longer than 1024 bytes"};
    if (!is_printable_ascii(text)) return Error{"has white space or other bytes than ASCII's"};
    const bool http = text.starts_with("http://");
    if (!http && !text.starts_with("https://")) {
        return Error{"doesn't begin with http:// or https://"};
    }
    if (text.find_first_of("?#") != text.npos) return Error{"has a query or a fragment"};
    const std::size_t host = http ? 7 : 8;
    const auto authority = text.substr(host, text.find('/', host) - host);
    if (authority.find('@') != authority.npos) {
        return Error{"names a user, which whoever lists the caches would see"};
    }
    if (authority.empty() || authority.starts_with(':')) return Error{"names no host"};
    // An Error could be made of a string as well.
    return {boost::system::in_place_value, text.substr(0, text.find_last_not_of('/') + 1)};
}

Result<Narinfo> check_pulled(std::string text, const HashPart& hash, const Cache& cache) {
    auto parsed = Narinfo::parse(std::move(text));
    if (!parsed) return Error{"is no good narinfo: " + parsed.error().to_string()};
    const auto& path = parsed->store_path();
    if (path.base.hash != hash) return Error{"is of another path, " + path.to_string()};
    if (path.store_dir != cache.store_dir) {
        return Error{"is of " + path.store_dir + ", but the cache holds " + cache.store_dir};
    }
    for (const auto& file : parsed->files()) {
        if (!is_reachable(file))
            return Error{"has the URL " + file.url + ", which isn't below nar/"};
    }
    // Without any key, nothing is taken: whoever answers in an upstream's place could say anything.
    const auto keys = trusted_keys_of(cache);
    if (keys.empty()) return Error{"can't be verified: the cache trusts no key"};
    if (const auto trusted = check_trust(*parsed, keys); !trusted) return trusted.error();
    return std::move(*parsed);
}

}  // namespace narthex
