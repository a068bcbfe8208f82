#include "narthex/service/interlocks.hpp"

#include <fmt/format.h>

namespace narthex::service {

namespace {

// How much of `whole` `part` is, in percent for people; "1.5".
std::string percent(double share) {
    return fmt::format("{:.4g}", share * 100);
}

bool exceeds(std::uint64_t part, std::uint64_t whole, double share) {
    return static_cast<double>(part) > share * static_cast<double>(whole);
}

}  // namespace

std::vector<Interlock> find_interlocks(
    const PlanSummary& summary, std::optional<std::uint64_t> last_live, const PlanLimits& limits
) {
    std::vector<Interlock> found;
    const auto served = summary.planned.paths + summary.live.paths;
    if (summary.roots == 0) {
        found.push_back({"no-roots", "no root lives: 'narthex root add' says what must be kept"});
    }
    if (exceeds(summary.unresolved, summary.rooted_paths, limits.unresolved)) {
        found.push_back(
            {"unresolved-roots",
             fmt::format(
                 "{} of {} rooted paths aren't in the cache, more than {} %: are they of this "
                 "cache? 'narthex root show' lists them",
                 summary.unresolved,
                 summary.rooted_paths,
                 percent(limits.unresolved)
             )}
        );
    }
    if (last_live && summary.live.paths < *last_live &&
        exceeds(*last_live - summary.live.paths, *last_live, limits.shrunk)) {
        found.push_back(
            {"shrunk",
             fmt::format(
                 "{} paths are kept, {} were at the last plan: more than {} % fewer; 'narthex root "
                 "list' shows what is left of the roots",
                 summary.live.paths,
                 *last_live,
                 percent(limits.shrunk)
             )}
        );
    }
    if (exceeds(summary.planned.paths, served, limits.planned)) {
        found.push_back(
            {"too-many",
             fmt::format(
                 "{} of {} served paths would go, more than {} %",
                 summary.planned.paths,
                 served,
                 percent(limits.planned)
             )}
        );
    }
    return found;
}

}  // namespace narthex::service
