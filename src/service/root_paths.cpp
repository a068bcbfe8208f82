#include "root_paths.hpp"

#include "narthex/core/glob.hpp"
#include "narthex/db/path_ids.hpp"
#include "narthex/db/rescue.hpp"
#include "narthex/db/roots.hpp"

#include <algorithm>

namespace narthex::service {

namespace {

// A statement's worth.
constexpr std::size_t k_chunk = 20'000;
constexpr std::size_t k_examples = 20;

template <class Item, class Each>
void in_chunks(std::span<const Item> items, const Each& each) {
    for (std::size_t from = 0; from < items.size(); from += k_chunk) {
        each(items.subspan(from, std::min(k_chunk, items.size() - from)));
    }
}

std::vector<HashPart> hashes_of(std::span<const BaseName> paths) {
    std::vector<HashPart> hashes;
    hashes.reserve(paths.size());
    for (const auto& path : paths) hashes.push_back(path.hash);
    return hashes;
}

std::size_t rescue_all(db::Tx& tx, int cache, std::span<const HashPart> paths) {
    std::size_t rescued = 0;
    in_chunks(paths, [&](std::span<const HashPart> chunk) {
        rescued += db::rescue_whole(tx, cache, chunk);
    });
    return rescued;
}

}  // namespace

std::vector<int> path_ids_of(db::Tx& tx, int cache, std::span<const BaseName> paths) {
    std::vector<int> ids;
    ids.reserve(paths.size());
    std::vector<HashPart> without;
    in_chunks(paths, [&](std::span<const BaseName> chunk) {
        const auto hashes = hashes_of(chunk);
        const auto found = db::find_path_ids(tx, cache, hashes);
        for (std::size_t i = 0; i < hashes.size(); ++i) {
            if (found[i]) ids.push_back(*found[i]);
            if (!found[i]) without.push_back(hashes[i]);
        }
    });
    // By hash part over all chunks, as whoever draws ids does: nobody waits in a circle.
    in_chunks(std::span<const HashPart>(without), [&](std::span<const HashPart> chunk) {
        for (const auto& path : db::assign_path_ids(tx, cache, chunk)) ids.push_back(path.id);
    });
    std::ranges::sort(ids);
    return ids;
}

std::size_t rescue_roots(db::Tx& tx, int cache, std::span<const int> roots) {
    if (roots.empty()) return 0;
    return rescue_all(tx, cache, db::root_hashes(tx, roots));
}

std::size_t rescue_matching(db::Tx& tx, int cache, const std::string& pattern) {
    return rescue_all(tx, cache, db::hidden_matching(tx, cache, glob_regex(pattern).value()));
}

Missing find_missing(db::Tx& tx, int cache, std::span<const BaseName> paths) {
    Missing missing;
    in_chunks(paths, [&](std::span<const BaseName> chunk) {
        const auto places = db::find_unserved(tx, cache, hashes_of(chunk));
        missing.count += places.size();
        for (const auto place : places) {
            if (missing.examples.size() < k_examples) missing.examples.push_back(chunk[place]);
        }
    });
    return missing;
}

}  // namespace narthex::service
