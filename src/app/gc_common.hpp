// What the commands that carry a collection out share.
#pragma once

#include "narthex/app/commands.hpp"
#include "narthex/app/progress.hpp"
#include "narthex/core/cache.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/service/collect_events.hpp"

#include <memory>
#include <string>

namespace narthex::app {

struct GcFlags {
    std::string cache{k_default_cache};
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};
// --config, the settings with these keys, --cache, --json
void add_gc_flags(
    Command command, GcFlags& flags, std::span<const std::string_view> keys = k_database_keys
);

// The cache that is named. Throws Failure when it doesn't exist, or when the plan (0: none) is of
// another.
[[nodiscard]] Cache find_cache_of(db::Connection& connection, const GcFlags& flags, int plan);

// Shows progress, and ends at an interrupt. `progress` outlives it.
[[nodiscard]] service::CollectEvents shown_by(Progress& progress);

// "1 path", "2 paths"
[[nodiscard]] std::string count_text(std::uint64_t count, const std::string& what);

}  // namespace narthex::app
