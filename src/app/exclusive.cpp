#include "exclusive.hpp"

#include "gc_common.hpp"

#include "narthex/app/byte_text.hpp"
#include "narthex/app/caller.hpp"
#include "narthex/app/commands.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/progress.hpp"

#include <fmt/core.h>

namespace narthex::app {

service::Tally count_exclusive(
    const std::string& database,
    const Cache& cache,
    const service::KeepPolicy& keep,
    const std::string& root
) {
    Progress progress;
    service::WhyOptions options{cache.id, keep, current_time(), {}, &interrupted()};
    options.progress = [&](std::string_view phase, std::uint64_t paths) {
        progress.show({phase, paths, 0, std::nullopt});
    };
    std::optional<service::Tally> tally;
    try {
        tally = service::exclusive_to(database, options, root);
    } catch (const db::Stopped&) {
        progress.clear();
        throw Failure("interrupted");
    }
    progress.clear();
    if (tally) return *tally;
    throw Failure(
        fmt::format("cache {} has no root {}; 'narthex root list' shows all", cache.name, root)
    );
}

std::string tally_text(const service::Tally& tally) {
    return fmt::format(
        "{}, {} unpacked", count_text(tally.paths, "path"), byte_text(tally.nar_size)
    );
}

}  // namespace narthex::app
