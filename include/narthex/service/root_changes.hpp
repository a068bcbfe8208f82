// Changes of what must live: each is one transaction with its line of the audit log. What lives
// from then on is taken out of hide batches in the same one (docs/decisions/0007-collecting.md).
// Times are seconds since 1970.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/retention.hpp"
#include "narthex/core/root.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/db/roots.hpp"

#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::service {

enum class RootFault {
    invalid,   // what was asked for makes no sense
    absent,    // there is nothing of that name
    conflict,  // something is in the way; the message says what lifts it
};
struct RootRefusal {
    RootFault fault;
    std::string message;
};
[[noreturn]] inline void throw_exception_from_error(
    const RootRefusal& refusal, const boost::source_location& /*where*/
) {
    throw std::logic_error("unchecked refusal: " + refusal.message);
}
template <class T>
using RootOutcome = boost::system::result<T, RootRefusal>;

struct Author {
    std::string who;  // for the audit log
    std::int64_t now;
};

struct RootRequest {
    std::string name;
    RootKind kind = RootKind::pin;
    std::string pattern;          // of a pattern; empty for others
    std::vector<BaseName> paths;  // by hash part, each once; one for a pin, none for a pattern
    std::string channel;          // of a bump
    std::optional<std::int64_t> bumped_at;   // absent: now
    std::optional<std::int64_t> expires_at;  // absent: never; bumps don't
    bool never_delete = false;
    std::string owner;
    std::string reason;
    bool replace = false;             // something else of that name
    bool force_never_delete = false;  // also where that is never to be deleted
};

struct AddedRoot {
    enum class What { added, unchanged, renewed, replaced };
    What what;
    int id;
    bool lives = false;  // bumps may be released by the channel's rule at once
    std::size_t paths = 0;
    std::size_t rescued = 0;              // paths that were in hide batches
    std::size_t missing = 0;              // paths that the cache doesn't serve
    std::vector<BaseName> examples = {};  // the first ones of those
};
[[nodiscard]] std::string_view to_string(AddedRoot::What what);

// The same root again is fine; so are a later expiry, another owner or reason, which are taken
// over. What would make less live, needs `replace`.
[[nodiscard]] RootOutcome<AddedRoot> add_root(
    db::Connection& connection, const Cache& cache, const RootRequest& request, const Author& author
);

// All or none of them, each name once. The roots as they were.
[[nodiscard]] RootOutcome<std::vector<db::Root>> remove_roots(
    db::Connection& connection,
    int cache,
    const std::vector<std::string>& names,
    bool force_never_delete,
    const std::string& reason,
    const Author& author
);

struct ChannelChange {
    bool made;            // it is a new one
    std::size_t rescued;  // paths of bumps that live again
};
[[nodiscard]] RootOutcome<ChannelChange> set_channel(
    db::Connection& connection,
    int cache,
    const std::string& name,
    const RetentionRule& rule,
    const std::string& reason,
    const Author& author
);

// With its bumps, if it has any and `with_bumps` says so. How many that were.
[[nodiscard]] RootOutcome<std::size_t> remove_channel(
    db::Connection& connection,
    int cache,
    const std::string& name,
    bool with_bumps,
    const std::string& reason,
    const Author& author
);

}  // namespace narthex::service
