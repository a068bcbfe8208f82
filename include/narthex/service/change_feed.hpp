// The feed of changes as those see it who follow one cache: a page at a time, each change with its
// paths, also where the database only names a batch.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/db/changes.hpp"
#include "narthex/db/connection.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::service {

// Where somebody is in the feed. To clients, its text means nothing.
struct FeedPlace {
    db::ChangeCursor at;             // this change and those before it are known
    std::optional<HashPart> within;  // of that change, only what is up to this path
    // Of the primary that told so: another's transaction ids say nothing here. 0: nobody's yet.
    std::int64_t epoch = 0;

    [[nodiscard]] static Result<FeedPlace> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
    bool operator==(const FeedPlace&) const = default;
};

struct FeedPage {
    std::vector<db::Change> changes;  // each with paths
    FeedPlace end;                    // what comes next is after it
    bool more;                        // there is more than the page holds
};

// The next changes of a cache: about `most` paths, whose last change may be told in part.
[[nodiscard]] FeedPage read_feed(db::Tx& tx, int cache, const FeedPlace& after, std::size_t most);

}  // namespace narthex::service
