#include "narthex/app/arguments.hpp"

#include "narthex/app/commands.hpp"
#include "narthex/core/quote.hpp"
#include "narthex/db/caches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace narthex::app {

namespace {

// One byte more than a file of keys may have, so that a larger one is refused for its size.
constexpr std::size_t k_most_bytes = 1024 * 1024 + 1;

std::string read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    std::string text(k_most_bytes, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad() || (file.fail() && !file.eof())) {
        throw UsageError(fmt::format("--authorized-key: {}: {}", name, std::strerror(errno)));
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

}  // namespace

Cache find_cache(db::Connection& connection, const std::string& name) {
    auto caches = find_caches(connection, "");
    const auto at = std::ranges::find(caches, name, &Cache::name);
    if (at != caches.end()) return std::move(*at);
    throw Failure(fmt::format(
        "there is no cache {}; 'narthex cache list' shows all, 'narthex cache create' makes one",
        name
    ));
}

Cache find_cache(const std::string& uri, const std::string& name) {
    db::Connection connection(uri, db::Session::work);
    return find_cache(connection, name);
}

std::vector<Cache> find_caches(db::Connection& connection, const std::string& name) {
    if (!name.empty()) return {find_cache(connection, name)};
    std::vector<Cache> caches;
    connection.read([&](db::Tx& tx) { caches = db::list_caches(tx); });
    return caches;
}

std::vector<GuixKey> read_guix_keys(const std::vector<std::string>& files) {
    TrustedKeys all;
    for (const auto& file : files) {
        auto keys = parse_guix_keys(read_file(file));
        if (!keys) {
            throw UsageError(fmt::format("--authorized-key: {} {}", file, keys.error().message));
        }
        all.add({{}, std::move(*keys)});
    }
    return all.guix;
}

std::vector<Tag> parse_tags(const std::vector<std::string>& texts) {
    std::vector<Tag> tags;
    for (const auto& text : texts) {
        auto tag = Tag::parse(text);
        if (!tag) throw UsageError(tag.error().message);
        if (std::ranges::find(tags, *tag) == tags.end()) tags.push_back(std::move(*tag));
    }
    return tags;
}

HashPart parse_path(std::string_view text, const std::string& store_dir) {
    const auto whole = text;
    if (text.starts_with(store_dir + "/")) text.remove_prefix(store_dir.size() + 1);
    if (const auto hash = HashPart::parse(text)) return *hash;
    if (const auto base = BaseName::parse(text)) return base->hash;
    throw UsageError(fmt::format(
        "{} is no path of {}: write {}/HASH-NAME, HASH-NAME or HASH",
        quote(whole),
        store_dir,
        store_dir
    ));
}

}  // namespace narthex::app
