// What several commands read from their command lines, and the cache that they name. All throw
// UsageError for what was written wrong.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/guix_key.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/core/tag.hpp"
#include "narthex/db/connection.hpp"

#include <string>
#include <vector>

namespace narthex::app {

// Throws Failure when there is none of that name.
[[nodiscard]] Cache find_cache(db::Connection& connection, const std::string& name);
// The same on a connection of its own to the database at this URI.
[[nodiscard]] Cache find_cache(const std::string& uri, const std::string& name);

// The same as a list; all caches when `name` is empty.
[[nodiscard]] std::vector<Cache> find_caches(db::Connection& connection, const std::string& name);

// The keys in these files of --authorized-key, in their order, each once.
[[nodiscard]] std::vector<GuixKey> read_guix_keys(const std::vector<std::string>& files);

// The values of --tag, each once.
[[nodiscard]] std::vector<Tag> parse_tags(const std::vector<std::string>& texts);

// A store path below `store_dir`, HASH-NAME, or HASH.
[[nodiscard]] HashPart parse_path(std::string_view text, const std::string& store_dir);

}  // namespace narthex::app
