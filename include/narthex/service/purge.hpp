// Removes for good what has been hidden for long: narinfos go to an archive, files of NARs that
// nobody names any more are unlinked (docs/decisions/0007-collecting.md).
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/service/collect_events.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narthex::service {

// Uploaders believe for 60 days in what they have seen (Hydra's presence cache).
inline constexpr std::chrono::days k_purge_after(61);
// Nix believes for 30 days in a narinfo that it has seen (narinfo-cache-positive-ttl).
inline constexpr std::chrono::days k_nix_believes(30);

struct PurgeOptions {
    int cache = 0;
    std::optional<int> plan;  // absent: all that are due
    std::string who;          // for the audit log
    std::size_t rate = 1000;  // paths a second, at most; at least 1
    std::chrono::seconds after = k_purge_after;
    // The longest that a client may believe what this server told it.
    std::chrono::seconds promised = k_nix_believes;
    bool forced_early = false;
    // How long regions may take to have everything, what is hidden above all, before anything goes.
    std::chrono::seconds region_limit{60};
    bool forced_lagging_region = false;  // whether they have it or not
};

struct PurgedPlan {
    int plan;
    std::uint64_t narinfos = 0;
    std::uint64_t nar_size = 0;
    std::uint64_t rescued = 0;    // paths that somebody wants
    std::uint64_t condemned = 0;  // files of NARs
    std::uint64_t elsewhere = 0;  // NARs that somebody else has to remove
    std::uint64_t logs = 0;
};

struct PurgeReport {
    std::vector<PurgedPlan> plans;  // in the order in which they were hidden
    std::vector<int> not_due;
    std::uint64_t unlinked = 0;         // files, of earlier purges too
    std::vector<std::string> failures;  // files that can't be unlinked, and why: the first ones
    std::uint64_t failed = 0;           // how many
    bool interrupted = false;           // the same again goes on
};

// On a session `publishing`, which keeps the collector's lock; `work` is another, of that name. An
// error is a refusal: nothing has been removed then. Throws what db throws; the same again goes on
// then.
[[nodiscard]] Result<PurgeReport> purge_plans(
    db::Connection& connection,
    db::Connection& work,
    const PurgeOptions& options,
    const CollectEvents& events
);

}  // namespace narthex::service
