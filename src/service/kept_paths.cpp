#include "narthex/service/kept_paths.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/core/narinfo.hpp"
#include "narthex/db/kept_nars.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace narthex::service {

namespace {

using db::KeptState;
using Standing = KeptPath::Standing;

// Empty for one that isn't there (any more).
std::string name_of(const std::vector<Cache>& caches, int id) {
    const auto at = std::ranges::find(caches, id, &Cache::id);
    return at == caches.end() ? "" : at->name;
}

bool is_usual(std::string_view url, const std::string& path) {
    const auto spelt = url.substr(0, url.find('?'));
    return spelt == path || spelt == nar_target(path);
}

class Search {
  public:
    Search(db::Tx& tx, const std::vector<Cache>& caches, const KeptNars& nars, int days)
        : tx_(tx), caches_(caches), nars_(nars), days_(days) {}

    std::vector<KeptPath> run(std::span<const PathKey> keys) {
        read(keys);
        if (std::ranges::any_of(known_, [](const auto& each) { return is_kept(each.second); })) {
            read(references());
            look_for_nars();
        }
        std::vector<KeptPath> out;
        for (const auto& key : keys) out.push_back(judge(key));
        return out;
    }

  private:
    struct Known {
        KeptState state;
        std::optional<Narinfo> narinfo;  // absent when it is served, or can't be read
        bool has_nars = true;
    };

    static bool is_kept(const Known& known) { return known.state != KeptState::served; }

    void read(std::span<const PathKey> keys) {
        for (auto& row : db::find_kept_narinfos(tx_, keys, days_)) {
            Known known{row.state, std::nullopt, row.state == KeptState::served};
            if (is_kept(known)) {
                auto parsed = Narinfo::parse(std::move(row.text));
                if (parsed) known.narinfo = std::move(*parsed);
            }
            known_.emplace(keys[row.asked], std::move(known));
        }
    }

    // Of what is here so far.
    [[nodiscard]] std::vector<PathKey> references() const {
        std::set<PathKey> out;
        for (const auto& [key, known] : known_) {
            if (!known.narinfo) continue;
            for (const auto& reference : known.narinfo->references()) {
                const PathKey other{key.cache, reference.hash};
                if (!known_.contains(other)) out.insert(other);
            }
        }
        return {out.begin(), out.end()};
    }

    void look_for_nars() {
        std::vector<db::NarKey> elsewhere;
        std::vector<Known*> of;
        for (auto& [key, known] : known_) {
            if (!known.narinfo) continue;
            known.has_nars = true;
            for (const auto& file : known.narinfo->files()) {
                const auto path = nar_path(file.url);
                // What is on another server is the primary's to promise; and a purged NAR is asked
                // for by two spellings of its URL alone (find_purged_nars).
                const bool purged = known.state == KeptState::purged;
                if (!path || (purged && !is_usual(file.url, *path))) {
                    known.has_nars = false;
                    continue;
                }
                if (is_here(key.cache, *path, file.size)) continue;
                elsewhere.push_back({key.cache, *path});
                of.push_back(&known);
            }
        }
        if (elsewhere.empty()) return;
        const auto placed = db::are_placed(tx_, elsewhere);
        for (std::size_t i = 0; i < placed.size(); ++i) {
            if (!placed[i]) of[i]->has_nars = false;
        }
    }

    [[nodiscard]] bool is_here(
        int cache, const std::string& path, std::optional<std::uint64_t> size
    ) const {
        const auto name = name_of(caches_, cache);
        return !name.empty() && KeptNars::has(nars_.path_of(name, path), size);
    }

    [[nodiscard]] KeptPath judge(const PathKey& key) const {
        const auto at = known_.find(key);
        if (at == known_.end() || !is_kept(at->second)) return {};
        const auto& known = at->second;
        const bool purged = known.state == KeptState::purged;
        if (!known.narinfo || !known.has_nars || !has_references(key.cache, *known.narinfo)) {
            return {Standing::incomplete, purged, {}};
        }
        return {Standing::complete, purged, known.narinfo->text()};
    }

    [[nodiscard]] bool has_references(int cache, const Narinfo& narinfo) const {
        return std::ranges::all_of(narinfo.references(), [&](const BaseName& reference) {
            const auto at = known_.find({cache, reference.hash});
            return at != known_.end() && at->second.has_nars;
        });
    }

    db::Tx& tx_;
    const std::vector<Cache>& caches_;
    const KeptNars& nars_;
    int days_;
    std::unordered_map<PathKey, Known> known_;
};

}  // namespace

bool may_keep_purged(const db::Instance& instance) {
    return instance.role == db::InstanceRole::region && instance.kind == "full";
}

std::vector<KeptPath> find_kept_paths(
    db::Tx& tx,
    const std::vector<Cache>& caches,
    const KeptNars& nars,
    std::span<const PathKey> keys,
    int days
) {
    return Search(tx, caches, nars, days).run(keys);
}

std::vector<bool> may_be_kept(db::Tx& tx, std::span<const PathKey> keys, int days) {
    std::vector<bool> out(keys.size());
    if (keys.empty()) return out;
    for (const auto& row : db::find_kept_narinfos(tx, keys, days)) {
        out[row.asked] = row.state != KeptState::served;
    }
    return out;
}

std::vector<bool> may_be_kept(
    db::Tx& tx, const std::vector<Cache>& caches, std::span<const db::NarKey> keys, int days
) {
    if (keys.empty()) return {};
    std::vector<std::string> names;
    std::vector<std::string> urls;
    for (const auto& key : keys) {
        names.push_back(name_of(caches, key.cache));
        urls.push_back(key.url);
    }
    return db::are_purged_lately(tx, names, urls, days);
}

std::vector<std::string> find_kept_files(
    db::Tx& tx,
    const std::vector<Cache>& caches,
    const KeptNars& nars,
    std::span<const db::NarKey> keys,
    int days
) {
    std::vector<std::string> files(keys.size());
    std::vector<std::size_t> here;
    std::vector<std::string> names;
    std::vector<std::string> urls;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto name = name_of(caches, keys[i].cache);
        auto file = nars.path_of(name, keys[i].url);
        if (name.empty() || !KeptNars::has(file, std::nullopt)) continue;
        files[i] = std::move(file);
        here.push_back(i);
        names.push_back(name);
        urls.push_back(keys[i].url);
    }
    if (here.empty()) return files;
    const auto kept = db::are_purged_lately(tx, names, urls, days);
    for (std::size_t i = 0; i < here.size(); ++i) {
        if (!kept[i]) files[here[i]].clear();
    }
    return files;
}

}  // namespace narthex::service
