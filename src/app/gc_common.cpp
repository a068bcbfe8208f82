#include "gc_common.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/db/collecting.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::app {

void add_gc_flags(Command command, GcFlags& flags, std::span<const std::string_view> keys) {
    flags.settings = add_setting_flags(command, keys);
    command.add_option("--cache", flags.cache, "the cache [default]").type_name("NAME");
    command.add_flag("--json", flags.json, "print JSON");
}

Cache find_cache_of(db::Connection& connection, const GcFlags& flags, int plan) {
    auto cache = find_cache(connection, flags.cache);
    if (plan == 0) return cache;
    std::optional<db::Collection> found;
    connection.read([&](db::Tx& tx) { found = db::find_collection(tx, plan); });
    if (!found || found->cache == cache.id) return cache;
    const auto all = find_caches(connection, "");
    const auto owner = std::ranges::find(all, found->cache, &Cache::id);
    throw Failure(fmt::format(
        "plan {} isn't of cache {}: say --cache {}",
        plan,
        cache.name,
        owner == all.end() ? "NAME" : owner->name
    ));
}

service::CollectEvents shown_by(Progress& progress) {
    service::CollectEvents events;
    events.stop = &interrupted();
    events.progress = [&progress](const service::CollectProgress& so_far) {
        progress.show({so_far.phase, so_far.done, so_far.done, so_far.total, "paths"});
    };
    return events;
}

std::string count_text(std::uint64_t count, const std::string& what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace narthex::app
