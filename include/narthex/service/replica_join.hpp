// Making a region of a database: a copy of its primary that follows it. Every step is such that
// doing it again is harmless, and what was done is told by the databases alone: killed anywhere,
// the same command goes on. Until the end the instance is `joining`, and nothing is served from it.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/db/primary.hpp"
#include "narthex/service/replica_copy.hpp"

#include <atomic>
#include <functional>
#include <optional>
#include <string>

namespace narthex::service {

struct JoinOptions {
    std::string primary;  // the invite's URI, which has passed db::check_uri
    std::string name;
    std::optional<std::string> kind;  // serving, full; absent: as it was, else serving
    std::string url;                  // where clients reach the region; empty: as it was said last
    bool replace = false;             // what is in this database goes, whatever it was
    std::function<void(const CopyProgress&)> progress;
    const std::atomic<bool>* stop = nullptr;
};

struct Joined {
    std::string kind;
    std::optional<std::string> primary_url;
    std::optional<std::string> url;  // of the region
    bool was_joined;                 // there was nothing to do
    CopyProgress copied;
};

// Whether a database can be a region's, before anything is made in it. Throws what db throws.
[[nodiscard]] Result<void> check_subscriber(const std::string& database);

// `primary`: what find_primary(options.primary) gave; its error counts where the invite is needed,
// which it isn't any more once its password was swapped. `database`: the region's own, of the
// newest schema. Throws what db throws.
[[nodiscard]] Result<Joined> join_primary(
    const std::string& database, const Result<db::Primary>& primary, const JoinOptions& options
);

}  // namespace narthex::service
