// What a mark and a plan read: seeds, the graph, narinfos, all of one moment, in streams, so that
// nothing is in memory as a whole. It sees what another connection's transaction sees, which
// writes the plan meanwhile. One thread.
//
// Functions throw what db::Connection throws, and Stopped; after either, nothing more can be read.
// What a callback throws passes through, with the same effect.
#pragma once

#include "narthex/core/store_path.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/db/stopped.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace narthex::db {

// From now on the transaction sees one moment. Before its first question.
void see_one_moment(Tx& tx);
// The name under which a MarkReader sees the same, until the transaction ends.
[[nodiscard]] std::string export_snapshot(Tx& tx);

// Ways in which a policy names paths to be kept.
enum class PolicySeeds {
    reference_free,     // refer to nothing but themselves
    content_addressed,  // have a CA field
    young,              // came lately
    requested,          // were asked for lately
    leased,             // a publisher was told that they are there
};

using PathId = std::function<void(int id)>;
using RootedPath = std::function<void(int root, int id)>;
// Whether a path's row is of interest, and the row.
using Wanted = std::function<bool(int id)>;
using GraphRow = std::function<void(int id, std::span<const int> references)>;

struct Candidate {
    int id;
    HashPart hash;
    std::string_view name;  // until the callback returns
    std::uint64_t nar_size;
    std::int64_t first_seen;  // seconds since 1970
    bool hidden;
};

struct TaggedPath {
    std::string_view key;  // until the callback returns
    std::string_view value;
    int id;
    std::uint64_t nar_size;
};

class MarkReader {
  public:
    // `snapshot` is of export_snapshot. `stop`, which may be null, lives as long as this.
    MarkReader(const std::string& uri, const std::string& snapshot, const std::atomic<bool>* stop);
    ~MarkReader();
    MarkReader(const MarkReader&) = delete;
    MarkReader& operator=(const MarkReader&) = delete;

    // The highest id of any path of any cache; 0 when there is none.
    [[nodiscard]] int last_path_id();

    // Seeds: path ids, in any order, some perhaps twice. `seconds` is how long ago at most, of
    // those that came or were asked for (in whole days, rounded up) lately.
    void policy_seeds(PolicySeeds which, int cache, std::int64_t seconds, const PathId& take);
    // Whose names match a regular expression (core/glob.hpp).
    void named_seeds(int cache, const std::string& regex, const PathId& take);
    // The paths of these roots, or of all others of the cache; they may dangle.
    void rooted_seeds(std::span<const int> roots, const RootedPath& take);
    void released_seeds(int cache, std::span<const int> living_roots, const RootedPath& take);

    // The graph's rows, of all caches, by descending id.
    void pass(const Wanted& wanted, const GraphRow& row);
    // Those of these paths, in any order.
    void rows(std::span<const int> ids, const GraphRow& row);
    // All that these paths reach, themselves included, found by PostgreSQL.
    void reached(std::span<const int> ids, const PathId& take);

    // A cache's narinfos, in any order.
    void candidates(int cache, const std::function<void(const Candidate&)>& take);
    // Its NARs (FileSize 0 where it isn't known), each with all paths that name it, one after the
    // other.
    void nar_owners(
        int cache,
        const std::function<void(std::int64_t nar, std::uint64_t file_size, int id)>& take
    );
    // How often paths were asked for within so many days.
    void requests(
        int cache, int days, const std::function<void(int id, std::uint64_t times)>& take
    );
    // Its narinfos' tags.
    void tags(int cache, const std::function<void(const TaggedPath&)>& take);
    void plan_paths(int plan, const PathId& take);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::db
