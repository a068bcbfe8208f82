// Making a full region the primary (docs/decisions/0008-regions.md): the old one is fenced and all
// of its writes are applied before this one takes any. Killed anywhere, the same command goes on.
#pragma once

#include "narthex/core/error.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narthex::service {

struct PromoteOptions {
    std::string url;        // where clients reach it; empty: as it was said last
    bool unfenced = false;  // though the old primary can't be asked
    // Nothing else: one that couldn't be asked then is given up.
    bool forgets_old = false;
    std::string who;
    const std::atomic<bool>* stop = nullptr;
};

struct Promoted {
    std::string name;  // as a region; empty: it was the primary already
    std::int64_t epoch;
    std::vector<std::string> others;  // regions of the old primary, which have to follow
    bool fenced;                      // the old primary takes no writes any more
    // Not fenced: what was published after this moment may be lost (seconds since 1970). Absent:
    // never was a heartbeat.
    std::optional<std::int64_t> lost_after;
};

// `database`: the region's own. On a primary that was promoted without fencing the old one: tries
// to do so now. Throws what db throws.
[[nodiscard]] Result<Promoted> promote(const std::string& database, const PromoteOptions& options);

}  // namespace narthex::service
