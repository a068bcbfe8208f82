#include "gc_commands.hpp"
#include "keep_flags.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/byte_text.hpp"
#include "narthex/app/caller.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/progress.hpp"
#include "narthex/service/why.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

struct ExclusiveFlags {
    std::string cache{k_default_cache};
    std::string root;
    service::KeepPolicy keep;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

std::optional<service::Tally> count(
    const std::string& database, const ExclusiveFlags& flags, const Cache& cache
) {
    Progress progress;
    service::WhyOptions options{cache.id, flags.keep, current_time(), {}, &interrupted()};
    options.progress = [&](std::string_view phase, std::uint64_t paths) {
        progress.show({phase, paths, 0, std::nullopt});
    };
    try {
        return service::exclusive_to(database, options, flags.root);
    } catch (const db::Stopped&) {
        progress.clear();
        throw Failure("interrupted");
    }
}

int exclusive_command(const ExclusiveFlags& flags) {
    const auto database = open_database(load(*flags.settings).config);
    const auto cache = find_cache(database.uri, flags.cache);
    const auto tally = count(database.uri, flags, cache);
    if (!tally) {
        throw Failure(fmt::format(
            "cache {} has no root {}; 'narthex root list' shows all", cache.name, flags.root
        ));
    }
    if (flags.json) {
        const nlohmann::ordered_json out = {
            {"root", flags.root}, {"paths", tally->paths}, {"nar_size", tally->nar_size}};
        fmt::print("{}\n", out.dump());
    } else {
        fmt::print(
            "root {} alone keeps {} paths, {} unpacked\n",
            flags.root,
            tally->paths,
            byte_text(tally->nar_size)
        );
    }
    return 0;
}

}  // namespace

void add_gc_exclusive(Command gc, Action& action) {
    const auto command = gc.add_subcommand("exclusive", "what only one root keeps, and no policy");
    auto flags = std::make_shared<ExclusiveFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("ROOT", flags->root, "the root's name").required();
    command.add_option("--cache", flags->cache, "the cache [default]").type_name("NAME");
    add_keep_flags(command, flags->keep);
    command.add_flag("--json", flags->json, "print JSON");
    command.callback([&action, flags] { action = [flags] { return exclusive_command(*flags); }; });
}

}  // namespace narthex::app
