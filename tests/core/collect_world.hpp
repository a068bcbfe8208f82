// A small world for tests of collecting: what a database has committed, and transactions under way.
#pragma once

#include "narthex/core/collect_rules.hpp"

#include <array>
#include <string>

namespace narthex::collecting {

using Paths = unsigned;  // a set: bit n is path n

inline constexpr int k_old = 4;    // paths 0 to 3 are there from the beginning
inline constexpr int k_paths = 5;  // path 4 is published
inline constexpr int k_batches = 2;

constexpr Paths one(int path) {
    return 1U << static_cast<unsigned>(path);
}
constexpr bool has(Paths paths, int path) {
    return (paths & one(path)) != 0;
}

// What the database has committed.
struct World {
    Paths narinfos = 0;
    Paths leased = 0;
    std::array<Paths, k_batches> rows{};  // in `hidden`
    std::array<bool, k_batches> active{};
    std::array<Paths, k_batches> planned{};
    std::array<bool, k_batches> made{};      // the plan
    std::array<Paths, k_batches> changed{};  // published or restored since then
    bool operator==(const World&) const = default;
};

using References = std::array<Paths, k_paths>;

inline Paths in_batches(const World& world) {
    return world.rows[0] | world.rows[1];
}
inline Paths hidden(const World& world) {
    return (world.active[0] ? world.rows[0] : 0) | (world.active[1] ? world.rows[1] : 0);
}
inline Paths served(const World& world) {
    return world.narinfos & ~hidden(world);
}

// `from` and what it reaches, as long as that is in `within`.
inline Paths reach(const References& references, Paths from, Paths within) {
    Paths reached = from;
    for (Paths before = 0; before != reached;) {
        before = reached;
        for (int path = 0; path < k_paths; ++path) {
            if (has(before, path)) reached |= references[static_cast<std::size_t>(path)] & within;
        }
    }
    return reached;
}

inline Paths referenced_by(const References& references, Paths paths) {
    Paths out = 0;
    for (int path = 0; path < k_paths; ++path) {
        if (has(paths, path)) out |= references[static_cast<std::size_t>(path)];
    }
    return out;
}

enum class Kind { plan, hide, restore, purge, lease, release, publish };
struct Deed {
    Kind kind;
    int what;  // a batch, or a path
};

// A transaction of few statements: `part` tells which comes next. What it changes is kept until it
// commits.
struct Actor {
    std::size_t deed = 0;
    std::size_t step = 0;  // of a deed of the collector
    int part = 0;
    int chunk = 0;  // path
    PublishingLock lock = PublishingLock::none;
    Paths removed = 0;
    bool refused = false;
    bool operator==(const Actor&) const = default;
};

struct State {
    World world;
    Actor collector;
    Actor publisher;
    bool operator==(const State&) const = default;

    [[nodiscard]] std::string key() const {
        std::string out;
        const auto add = [&out](auto value) { out += static_cast<char>(value); };
        for (const auto paths : {world.narinfos, world.leased}) add(paths);
        for (std::size_t b = 0; b < k_batches; ++b) {
            add(world.rows[b]);
            add(world.planned[b]);
            add(world.changed[b]);
            add((world.active[b] ? 2 : 0) + (world.made[b] ? 1 : 0));
        }
        for (const auto* actor : {&collector, &publisher}) {
            for (const auto number : {actor->deed, actor->step}) add(number);
            for (const int number : {actor->part, actor->chunk}) add(number);
            add(actor->lock);
            add(actor->removed);
            add(actor->refused);
        }
        return out;
    }
};

}  // namespace narthex::collecting
