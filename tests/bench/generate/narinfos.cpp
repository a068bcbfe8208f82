#include "narinfos.hpp"

#include "names.hpp"

#include "narthex/core/encoding.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace narthex::bench {

namespace {

constexpr double k_shares_nar = 0.02;
constexpr double k_without_deriver = 0.066;
constexpr double k_with_system = 0.008;
constexpr double k_with_ca = 0.008;
constexpr double k_bzip2 = 0.001;

// Streams of random numbers, one of each kind for each path.
constexpr std::uint64_t k_name_stream = std::uint64_t{1} << 40;
constexpr std::uint64_t k_nar_stream = std::uint64_t{2} << 40;
constexpr std::uint64_t k_text_stream = std::uint64_t{3} << 40;

// Log-normal, within what a NAR can be.
std::uint64_t draw_size(double normal, double mu, double sigma) {
    return static_cast<std::uint64_t>(std::clamp(std::exp(mu + sigma * normal), 112.0, 4e9));
}

// In the order of their texts, whose first character comes from the last byte.
bool precedes(const BaseName& a, const BaseName& b) {
    const auto x = a.hash.bytes();
    const auto y = b.hash.bytes();
    return std::lexicographical_compare(x.rbegin(), x.rend(), y.rbegin(), y.rend());
}

}  // namespace

Narinfos::Narinfos(std::size_t count, std::uint64_t seed) : seed_(seed), graph_(count, seed) {
    const std::size_t all = count + Graph::dangling(count);
    names_.reserve(all);
    for (std::size_t i = 0; i < all; ++i) {
        Random random(seed, k_name_stream + i);
        const HashPart hash(random.bytes<HashPart::k_size>());
        std::size_t hub = 0;
        const bool is_hub = i < count && graph_.is_hub(i, hub);
        const Class kind = is_hub ? Class::package : draw_class(random);
        names_.push_back({hash, is_hub ? hub_name(hub, random) : draw_name(kind, random)});
        classes_.push_back(kind);
    }
}

MadeNarinfo Narinfos::next() {
    const std::size_t number = next_++;
    const Class kind = classes_[number];
    const auto references = graph_.add(kind);
    Random random(seed_, k_text_stream + number);
    NarinfoFields fields{
        {"/nix/store", names_[number]},
        {},
        Sha256(random.bytes<Sha256::k_size>()),
        0,
        {},
        {},
        {},
        {}};
    const bool shares = number > 1000 && random.chance(k_shares_nar);
    set_nar(fields, shares ? number - 1 - random.below(1000) : number);
    fields.references = sorted(references);
    if (!random.chance(k_without_deriver)) {
        const HashPart deriver(random.bytes<HashPart::k_size>());
        fields.deriver = deriver.to_string() + "-" + names_[number].name + ".drv";
    }
    fields.signatures = {{"cache.nixos.org-1", random.bytes<64>()}};
    if (random.chance(k_with_ca)) {
        fields.ca = "fixed:r:" + Sha256(random.bytes<Sha256::k_size>()).to_nix();
    }
    std::string text = render_nix_narinfo(fields);
    if (random.chance(k_with_system)) text += "System: x86_64-linux\n";
    const bool to_itself =
        std::find(references.begin(), references.end(), number) != references.end();
    return {kind, std::move(fields.store_path), references.size(), to_itself, std::move(text)};
}

// What two paths that share a NAR have in common, so it comes from the NAR's own numbers.
void Narinfos::set_nar(NarinfoFields& fields, std::size_t number) const {
    Random random(seed_, k_nar_stream + number);
    const Sha256 hash(random.bytes<Sha256::k_size>());
    const bool is_old = random.chance(k_bzip2);
    const double size = random.normal(0, 1);
    fields.file.hash = hash;
    fields.file.size = draw_size(size, 9.96, 2.91);
    fields.file.compression = is_old ? "bzip2" : "xz";
    fields.file.url = "nar/" + to_nix_base32(hash.bytes()) + (is_old ? ".nar.bz2" : ".nar.xz");
    fields.nar_hash = Sha256(random.bytes<Sha256::k_size>());
    fields.nar_size = draw_size(size, 11.42, 3.26);
}

std::vector<BaseName> Narinfos::sorted(std::span<const PathNumber> paths) const {
    std::vector<PathNumber> order(paths.begin(), paths.end());
    std::sort(order.begin(), order.end(), [&](PathNumber a, PathNumber b) {
        return precedes(names_[a], names_[b]);
    });
    std::vector<BaseName> result;
    result.reserve(order.size());
    for (const PathNumber path : order) result.push_back(names_[path]);
    return result;
}

}  // namespace narthex::bench
