#include "narthex/service/seeds.hpp"

#include "narthex/core/glob.hpp"

#include <stdexcept>
#include <unordered_map>

namespace narthex::service {

namespace {

using Take = std::function<void(const Keeper&, int id)>;

void take_rooted(db::MarkReader& reader, std::span<const JudgedRoot> roots, const Take& take) {
    std::unordered_map<int, Keeper> keepers;
    std::vector<int> ids;
    for (const auto& each : roots) {
        if (!each.lives || each.root.kind == RootKind::pattern) continue;
        keepers.emplace(each.root.id, Keeper{true, each.root.name});
        ids.push_back(each.root.id);
    }
    if (ids.empty()) return;
    reader.rooted_seeds(ids, [&](int root, int id) { take(keepers.at(root), id); });
}

void take_named(
    db::MarkReader& reader, int cache, std::span<const JudgedRoot> roots, const Take& take
) {
    for (const auto& each : roots) {
        if (!each.lives || each.root.kind != RootKind::pattern) continue;
        const auto regex = glob_regex(each.root.item);
        // Nothing may go for a pattern that can't be read.
        if (!regex)
            throw std::runtime_error("root " + each.root.name + ": " + regex.error().message);
        const Keeper keeper{true, each.root.name};
        reader.named_seeds(cache, *regex, [&](int id) { take(keeper, id); });
    }
}

struct Rule {
    db::PolicySeeds seeds;
    const char* name;
    bool counts;
    std::int64_t seconds;
};

std::vector<Rule> rules_of(const KeepPolicy& keep) {
    using db::PolicySeeds;
    return {
        {PolicySeeds::reference_free, "reference-free", keep.reference_free, 0},
        {PolicySeeds::content_addressed, "content-addressed", keep.content_addressed, 0},
        {PolicySeeds::young, "young", keep.min_age > 0, keep.min_age},
        {PolicySeeds::requested, "requested", keep.requested_within > 0, keep.requested_within},
        {PolicySeeds::leased, "leased", true, 0},
    };
}

}  // namespace

void for_each_seed(
    db::MarkReader& reader,
    int cache,
    const KeepPolicy& keep,
    std::span<const JudgedRoot> roots,
    const Take& take
) {
    take_rooted(reader, roots, take);
    take_named(reader, cache, roots, take);
    for (const auto& rule : rules_of(keep)) {
        if (!rule.counts) continue;
        const Keeper keeper{false, rule.name};
        reader.policy_seeds(rule.seeds, cache, rule.seconds, [&](int id) { take(keeper, id); });
    }
}

std::vector<std::string> policies_of(const KeepPolicy& keep) {
    std::vector<std::string> names;
    for (const auto& rule : rules_of(keep)) {
        if (rule.counts) names.emplace_back(rule.name);
    }
    return names;
}

std::vector<int> living_ids(std::span<const JudgedRoot> roots) {
    std::vector<int> ids;
    for (const auto& each : roots) {
        if (each.lives) ids.push_back(each.root.id);
    }
    return ids;
}

}  // namespace narthex::service
