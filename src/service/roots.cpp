#include "narthex/service/roots.hpp"

#include "narthex/service/time_text.hpp"

#include <algorithm>
#include <map>

namespace narthex::service {

namespace {

struct JudgedBump {
    BumpFate fate;
    std::string channel;
};
using Bumps = std::map<int, JudgedBump>;  // by their roots

Bumps judge_channels(
    const std::vector<db::Channel>& channels, const std::vector<db::Root>& roots, std::int64_t now
) {
    std::map<int, std::vector<Bump>> bumps;
    for (const auto& root : roots) {
        if (root.channel) bumps[*root.channel].push_back({root.id, *root.bumped_at});
    }
    Bumps judged;
    for (const auto& channel : channels) {
        const auto& of_channel = bumps[channel.id];
        const auto fates = judge_bumps(channel.rule, of_channel, now);
        for (std::size_t i = 0; i < fates.size(); ++i) {
            judged.emplace(of_channel[i].root, JudgedBump{fates[i], channel.name});
        }
    }
    return judged;
}

JudgedRoot judge_bump(db::Root root, const Bumps& bumps) {
    const auto bump = bumps.find(root.id);
    // Another transaction's, which came between the two statements.
    if (bump == bumps.end()) return {std::move(root), true, "", "kept: just changed", 0};
    const auto& [fate, channel] = bump->second;
    return {std::move(root), is_kept(fate), channel, std::string(to_string(fate)), 0};
}

JudgedRoot judge(db::Root root, const Bumps& bumps, std::int64_t now) {
    if (root.channel) {
        auto judged = judge_bump(std::move(root), bumps);
        if (!judged.root.never_delete) return judged;
        return {std::move(judged.root), true, judged.channel, "never to be deleted", 0};
    }
    if (root.never_delete) return {std::move(root), true, "", "never to be deleted", 0};
    if (root.expires_at && *root.expires_at <= now) {
        auto why = "expired " + time_text(*root.expires_at);
        return {std::move(root), false, "", std::move(why), 0};
    }
    return {std::move(root), true, "", "", 0};
}

}  // namespace

std::vector<JudgedRoot> judge_roots(db::Tx& tx, int cache, std::int64_t now) {
    auto roots = db::list_roots(tx, cache);
    const auto bumps = judge_channels(db::list_channels(tx, cache), roots, now);
    std::vector<JudgedRoot> judged;
    judged.reserve(roots.size());
    for (auto& root : roots) judged.push_back(judge(std::move(root), bumps, now));
    return judged;
}

void count_missing(db::Tx& tx, std::span<JudgedRoot> roots) {
    std::vector<int> ids;
    ids.reserve(roots.size());
    for (const auto& root : roots) ids.push_back(root.root.id);
    const auto missing = db::count_unserved_paths(tx, ids);
    for (auto& root : roots) {
        const auto at = missing.find(root.root.id);
        root.missing = at == missing.end() ? 0 : at->second;
    }
}

std::vector<int> living_roots(db::Tx& tx, int cache, std::int64_t now) {
    std::vector<int> ids;
    for (const auto& each : judge_roots(tx, cache, now)) {
        if (each.lives) ids.push_back(each.root.id);
    }
    std::ranges::sort(ids);
    return ids;
}

}  // namespace narthex::service
