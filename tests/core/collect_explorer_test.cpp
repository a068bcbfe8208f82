// All interleavings of a collector with somebody who publishes and leases, in worlds of four paths:
// the steps and locks are those of core/collect_rules.hpp, which the service carries out. Nothing
// that is served lacks a reference, and nothing that is leased is gone, after any commit. With the
// lock taken out, a lost path is found.
#include "collect_world.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <unordered_set>
#include <vector>

namespace narthex::collecting {
namespace {

class Explorer {
  public:
    Explorer(
        const References& references,
        std::vector<Deed> collector,
        std::vector<Deed> publisher,
        bool with_lock
    )
        : references_(references),
          collector_(std::move(collector)),
          publisher_(std::move(publisher)),
          with_lock_(with_lock) {}

    // What went wrong first; empty when nothing can.
    std::string explore(Paths first_plan) {
        first_plan_ = first_plan;
        State start;
        start.world.narinfos = one(k_old) - 1;
        visit(start);
        return wrong_;
    }
    [[nodiscard]] std::size_t states() const { return seen_.size(); }

  private:
    void visit(const State& state) {
        if (!wrong_.empty() || !seen_.insert(state.key()).second) return;
        check(state);
        State next = state;
        if (collector_moves(next)) visit(next);
        next = state;
        if (publisher_moves(next)) visit(next);
    }

    void check(const State& state) {
        const auto now = served(state.world);
        const auto lacking = referenced_by(references_, now) & ~now;
        const auto lost = state.world.leased & ~now;
        if (lacking != 0) wrong_ = "a served path lacks " + std::to_string(lacking);
        if (lost != 0) wrong_ = "a leased path is gone: " + std::to_string(lost);
    }

    // False while the other holds it.
    [[nodiscard]] bool take(Actor& actor, const Actor& other, PublishingLock lock) const {
        if (!with_lock_) return true;
        const bool shut = lock == PublishingLock::alone ? other.lock != PublishingLock::none
                                                        : other.lock == PublishingLock::alone;
        if (lock != PublishingLock::none && shut) return false;
        actor.lock = lock;
        return true;
    }

    // --- the collector ---

    bool collector_moves(State& state) const {
        auto& actor = state.collector;
        if (actor.deed == collector_.size()) return false;
        const auto& deed = collector_[actor.deed];
        const auto batch = static_cast<std::size_t>(deed.what);
        switch (deed.kind) {
            case Kind::plan:
                make_plan(state.world, batch);
                next_deed(actor);
                return true;
            case Kind::hide:
                return hide(state, batch);
            case Kind::restore:
                return restore(state, batch);
            case Kind::purge:
                return purge(state, batch);
            case Kind::lease:
            case Kind::release:
            case Kind::publish:
                break;
        }
        return false;
    }

    static void next_deed(Actor& actor) {
        const auto deed = actor.deed + 1;
        actor = {};
        actor.deed = deed;
    }
    static void next_step(Actor& actor, std::size_t steps) {
        if (actor.step + 1 == steps) return next_deed(actor);
        const auto step = actor.step + 1;
        const auto deed = actor.deed;
        actor = {};
        actor.deed = deed;
        actor.step = step;
    }

    // What nothing leased reaches; of the first plan, a part that has all its referrers.
    void make_plan(World& world, std::size_t batch) const {
        const auto live = reach(references_, world.leased, 0xffU);
        auto planned = served(world) & ~live;
        if (batch == 0) planned &= first_plan_;
        for (Paths before = 0; before != planned;) {
            before = planned;
            planned &= ~referenced_by(references_, served(world) & ~planned);
        }
        world.planned[batch] = planned;
        world.made[batch] = true;
        world.changed[batch] = 0;
    }

    bool hide(State& state, std::size_t batch) const {
        auto& actor = state.collector;
        auto& world = state.world;
        const auto step = k_hide_steps[actor.step];
        if (actor.part == 0) {
            if (!take(actor, state.publisher, lock_of(step))) return false;
            actor.part = 1;
            return true;
        }
        switch (step) {
            case HideStep::write_rows:
                world.rows[batch] |= world.planned[batch] & world.narinfos & one(actor.chunk);
                if (++actor.chunk < k_paths) return true;
                break;
            case HideStep::announce:
            case HideStep::barrier:
                break;
            case HideStep::recheck:
                if (actor.part == 1) {
                    actor.removed = wanted(world, batch);
                    actor.part = 2;
                    return true;
                }
                world.rows[batch] &= ~actor.removed;
                break;
            case HideStep::flip:
                world.active[batch] = true;
                break;
        }
        next_step(actor, k_hide_steps.size());
        return true;
    }

    [[nodiscard]] Paths wanted(const World& world, std::size_t batch) const {
        const auto planned = world.planned[batch];
        const auto taken_out = planned & ~world.rows[batch];
        const auto seeds = world.changed[batch] | world.leased | taken_out;
        return reach(references_, seeds, planned);
    }

    bool restore(State& state, std::size_t batch) const {
        const auto step = k_restore_steps[state.collector.step];
        return step == RestoreStep::rescue_reached ? rescue_reached(state, batch)
                                                   : flip_back(state, batch);
    }

    // What is to be rescued is looked up before the lock is taken.
    bool rescue_reached(State& state, std::size_t batch) const {
        auto& actor = state.collector;
        auto& world = state.world;
        switch (actor.part) {
            case 0:
                actor.removed = reach(references_, world.rows[batch], in_batches(world)) &
                                world.rows[1 - batch];
                break;
            case 1:
                if (!take(actor, state.publisher, lock_of(RestoreStep::rescue_reached))) {
                    return false;
                }
                break;
            case 2:
                actor.removed =
                    reach(references_, actor.removed & in_batches(world), in_batches(world));
                break;
            default:
                rescue(world, actor.removed);
                next_step(actor, k_restore_steps.size());
                return true;
        }
        ++actor.part;
        return true;
    }

    bool flip_back(State& state, std::size_t batch) const {
        auto& actor = state.collector;
        auto& world = state.world;
        if (actor.part == 0) {
            if (!take(actor, state.publisher, lock_of(RestoreStep::flip_back))) return false;
            actor.part = 1;
            return true;
        }
        // Whoever hides a plan again doesn't want what its restoring brought back.
        const auto own = world.changed[batch];
        note_change(world, world.rows[batch]);
        world.changed[batch] = own;
        world.active[batch] = false;
        next_step(actor, k_restore_steps.size());
        return true;
    }

    // One path after the other, from the last one down.
    bool purge(State& state, std::size_t batch) const {
        auto& actor = state.collector;
        auto& world = state.world;
        const auto step = k_purge_steps[actor.step];
        if (actor.part == 0) {
            if (!take(actor, state.publisher, lock_of(step))) return false;
            actor.part = 1;
            return true;
        }
        if (step == PurgeStep::recheck) {
            next_step(actor, k_purge_steps.size());
            return true;
        }
        const int path = k_paths - 1 - actor.chunk;
        if (world.active[batch] && has(world.rows[batch], path)) {
            world.narinfos &= ~one(path);
            for (auto& rows : world.rows) rows &= ~one(path);
        }
        actor.part = 0;
        actor.lock = PublishingLock::none;
        if (++actor.chunk == k_paths) next_step(actor, k_purge_steps.size());
        return true;
    }

    // --- whoever publishes and leases ---

    bool publisher_moves(State& state) const {
        auto& actor = state.publisher;
        auto& world = state.world;
        if (actor.deed == publisher_.size()) return false;
        const auto& deed = publisher_[actor.deed];
        if (deed.kind == Kind::release) {
            world.leased &= ~one(deed.what);
            next_deed(actor);
            return true;
        }
        switch (actor.part) {
            case 0:
                if (!take(actor, state.collector, PublishingLock::shared)) return false;
                break;
            case 1:
                look(world, actor, deed);
                break;
            default:
                if (!actor.refused) commit(world, actor, deed);
                next_deed(actor);
                return true;
        }
        ++actor.part;
        return true;
    }

    void look(const World& world, Actor& actor, const Deed& deed) const {
        const auto itself = one(deed.what);
        const auto needed =
            deed.kind == Kind::publish ? referenced_by(references_, itself) : itself;
        const auto found = (needed | itself) & in_batches(world);
        actor.removed = reach(references_, found, in_batches(world));
        const auto all = needed | referenced_by(references_, actor.removed);
        // Something isn't there any more: the publisher is told so.
        actor.refused = (all & ~world.narinfos) != 0;
    }

    static void commit(World& world, const Actor& actor, const Deed& deed) {
        rescue(world, actor.removed);
        if (deed.kind == Kind::lease) {
            world.leased |= one(deed.what);
        } else {
            world.narinfos |= one(deed.what);
            note_change(world, one(deed.what));
        }
    }

    static void rescue(World& world, Paths paths) {
        note_change(world, paths & hidden(world));
        for (auto& rows : world.rows) rows &= ~paths;
    }

    static void note_change(World& world, Paths paths) {
        for (std::size_t batch = 0; batch < k_batches; ++batch) {
            if (world.made[batch]) world.changed[batch] |= paths;
        }
    }

    References references_;
    std::vector<Deed> collector_;
    std::vector<Deed> publisher_;
    bool with_lock_;
    Paths first_plan_ = 0;
    std::unordered_set<std::string> seen_;
    std::string wrong_;
};

// Each pair of old paths may have a reference either way, in the order of one bit mask; path 4
// refers to `named`.
References graph(unsigned edges, Paths named) {
    References references{};
    unsigned bit = 0;
    for (int from = 1; from < k_old; ++from) {
        for (int to = 0; to < from; ++to, ++bit) {
            if ((edges >> bit & 1U) != 0) references[static_cast<std::size_t>(from)] |= one(to);
        }
    }
    references[k_old] = named;
    return references;
}

// The same with paths numbered the other way round: rows are written, and paths purged, in another
// order.
References mirrored(const References& references) {
    References out{};
    for (int from = 0; from < k_old; ++from) {
        for (int to = 0; to < k_old; ++to) {
            if (!has(references[static_cast<std::size_t>(from)], to)) continue;
            out[static_cast<std::size_t>(k_old - 1 - from)] |= one(k_old - 1 - to);
        }
    }
    out[k_old] = references[k_old];
    return out;
}

const std::vector<std::vector<Deed>> k_collections{
    {{Kind::plan, 0}, {Kind::hide, 0}},
    {{Kind::plan, 0}, {Kind::hide, 0}, {Kind::purge, 0}},
    {{Kind::plan, 0}, {Kind::hide, 0}, {Kind::restore, 0}, {Kind::hide, 0}},
    {{Kind::plan, 0}, {Kind::hide, 0}, {Kind::plan, 1}, {Kind::hide, 1}, {Kind::restore, 0}},
    {{Kind::plan, 0}, {Kind::plan, 1}, {Kind::hide, 1}, {Kind::restore, 1}, {Kind::hide, 0}},
    {{Kind::plan, 0}, {Kind::hide, 0}, {Kind::plan, 1}, {Kind::restore, 0}, {Kind::hide, 1}},
};
const std::vector<std::vector<Deed>> k_publications{
    {{Kind::lease, 2}},
    {{Kind::lease, 3}, {Kind::release, 3}},
    {{Kind::lease, 3}, {Kind::release, 3}, {Kind::lease, 1}},
    {{Kind::publish, 4}},
    {{Kind::publish, 4}, {Kind::lease, 4}},
    {{Kind::lease, 1}, {Kind::publish, 4}, {Kind::release, 1}},
};

struct Outcome {
    std::size_t worlds = 0;
    std::size_t states = 0;
    std::string wrong;  // the first thing
};

void explore(const References& references, Paths first_plan, bool with_lock, Outcome& outcome) {
    for (const auto& collection : k_collections) {
        for (const auto& publication : k_publications) {
            Explorer explorer(references, collection, publication, with_lock);
            const auto wrong = explorer.explore(first_plan);
            ++outcome.worlds;
            outcome.states += explorer.states();
            if (!wrong.empty() && outcome.wrong.empty()) outcome.wrong = wrong;
        }
    }
}

Outcome explore_all(bool with_lock) {
    Outcome outcome;
    for (unsigned edges = 0; edges < 64 && outcome.wrong.empty(); ++edges) {
        const auto references = graph(edges, one(edges % k_old) | one(2));
        for (const Paths first_plan : {0x0fU, 0x0cU}) {
            explore(references, first_plan, with_lock, outcome);
            explore(mirrored(references), first_plan, with_lock, outcome);
        }
    }
    return outcome;
}

TEST(CollectExplorer, finds_nothing_lost_in_any_order_of_steps) {
    const auto outcome = explore_all(true);
    EXPECT_EQ(outcome.wrong, "");
    EXPECT_GT(outcome.worlds, 9000U);
    RecordProperty("states", static_cast<int>(outcome.states));
}

TEST(CollectExplorer, finds_the_lost_path_without_the_lock) {
    EXPECT_NE(explore_all(false).wrong, "");
}

}  // namespace
}  // namespace narthex::collecting
