#include "narthex/http/front_page.hpp"

#include <fmt/format.h>

namespace narthex::http {

namespace {

constexpr std::string_view k_guix_store = "/gnu/store";

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '&':
                out += "&amp;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string url_of(const Cache& cache, std::string_view url) {
    if (cache.name == k_default_cache) return std::string(url);
    return fmt::format("{}/{}", url, cache.name);
}

std::string joined_keys(const Cache& cache) {
    std::string keys;
    for (const auto& key : cache.trusted_keys) {
        keys += (keys.empty() ? "" : " ") + key.to_string();
    }
    return keys;
}

std::string key_section(const Cache& cache) {
    if (trusted_keys_of(cache).empty()) {
        return "<p>The operator has not told this server its public keys: ask for them.</p>\n";
    }
    std::string out = "<pre>";
    for (const auto& key : cache.trusted_keys) out += escaped(key.to_string()) + "\n";
    for (const auto& key : cache.authorized_keys) out += escaped(key.to_string()) + "\n";
    return out + "</pre>\n";
}

std::string nix_section(const Cache& cache, std::string_view url) {
    const auto keys = joined_keys(cache);
    const auto shown = keys.empty() ? "NAME:PUBLIC-KEY" : keys;
    return fmt::format(
        "<h2>Use it from Nix</h2>\n"
        "<p>In <code>/etc/nix/nix.conf</code>:</p>\n"
        "<pre>extra-substituters = {0}\nextra-trusted-public-keys = {1}</pre>\n"
        "<p>Or once, for one path:</p>\n"
        "<pre>nix copy --from {0} {2}/HASH-NAME</pre>\n",
        escaped(url),
        escaped(shown),
        escaped(cache.store_dir)
    );
}

std::string guix_section(std::string_view url) {
    return fmt::format(
        "<h2>Use it from Guix</h2>\n"
        "<p>Authorise a key from above once, as root:</p>\n"
        "<pre>wget -qO- {0}/signing-key.pub | guix archive --authorize</pre>\n"
        "<p>Then:</p>\n"
        "<pre>guix build --substitute-urls=\"{0} https://bordeaux.guix.gnu.org\" PACKAGE\n"
        "guix weather --substitute-urls={0}</pre>\n",
        escaped(url)
    );
}

// Clients of the other kind: the caches they can use, if this server has one.
std::string elsewhere_section(
    bool guix_wanted, const std::vector<Cache>& caches, std::string_view url
) {
    const auto* client = guix_wanted ? "Guix" : "Nix";
    std::string places;
    for (const auto& cache : caches) {
        const bool guix = cache.store_dir == k_guix_store;
        if (guix != guix_wanted || cache.visibility == Visibility::private_cache) continue;
        places += fmt::format(
            " <a href=\"{0}/\">{1}</a>", escaped(url_of(cache, url)), escaped(cache.name)
        );
    }
    if (places.empty()) places = " none so far";
    return fmt::format(
        "<h2>Use it from {0}</h2>\n<p>{0} has another store directory, and so caches of its own "
        "on this server:{1}.</p>\n",
        client,
        places
    );
}

std::string cache_list(const std::vector<Cache>& caches, std::string_view url) {
    std::string rows;
    for (const auto& cache : caches) {
        if (cache.visibility == Visibility::private_cache) continue;
        rows += fmt::format(
            "<li><a href=\"{0}/\">{1}</a>: {2}, priority {3}</li>\n",
            escaped(url_of(cache, url)),
            escaped(cache.name),
            escaped(cache.store_dir),
            cache.priority
        );
    }
    return "<h2>Caches of this server</h2>\n<ul>\n" + rows + "</ul>\n";
}

constexpr std::string_view k_style =
    "<style>"
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}"
    "pre{padding:.8rem 1rem;border:1px solid #8886;border-radius:6px;overflow-x:auto}"
    "h1{margin-bottom:0}h2{margin-top:2rem}footer{margin-top:3rem;opacity:.7}"
    "</style>";

}  // namespace

std::string front_page(
    const Cache& cache,
    const std::vector<Cache>& caches,
    std::string_view url,
    std::string_view version
) {
    const auto here = url_of(cache, url);
    const bool guix = cache.store_dir == k_guix_store;
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>A binary cache for {0}</title>\n{1}\n</head>\n<body>\n"
        "<h1>A binary cache for {0}</h1>\n"
        "<p>{2} gets builds from this address instead of making them again. "
        "It is not a page to browse: clients ask for <code>/HASH.narinfo</code>.</p>\n"
        "<h2>Public keys</h2>\n{3}{4}{5}{8}"
        "<footer>narthex {6} · <a href=\"{7}/nix-cache-info\">nix-cache-info</a></footer>\n"
        "</body>\n</html>\n",
        escaped(cache.store_dir),
        k_style,
        guix ? "Guix" : "Nix",
        key_section(cache),
        guix ? guix_section(here) : nix_section(cache, here),
        elsewhere_section(!guix, caches, url),
        escaped(version),
        escaped(here),
        cache_list(caches, url)
    );
}

}  // namespace narthex::http
