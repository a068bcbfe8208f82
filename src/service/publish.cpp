#include "narthex/service/publish.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/core/trust.hpp"
#include "narthex/db/changes.hpp"
#include "narthex/db/narinfos.hpp"
#include "narthex/db/rescue.hpp"
#include "narthex/db/tags.hpp"
#include "narthex/db/uploads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

namespace narthex::service {

namespace {

constexpr std::size_t k_named_references = 20;

// Once a narinfo has so many, publishers add no more, so that nobody makes it grow without end.
constexpr std::size_t k_most_signatures = 64;
// In bytes: the database has an added line as a key, which PostgreSQL takes up to about 2700.
constexpr std::size_t k_longest_signature = 1000;

using Refusal = std::optional<Published>;

Published refuse(Verdict verdict, std::string reason) {
    return {verdict, std::move(reason)};
}

// Those of `narinfo` that its like, as it is stored, lacks and still takes.
std::vector<Signature> new_signatures(const Narinfo& narinfo, const Narinfo& stored) {
    const auto& known = stored.signatures();
    std::vector<Signature> fresh;
    for (const auto& signature : narinfo.signatures()) {
        if (known.size() + fresh.size() >= k_most_signatures) break;
        if (signature.to_string().size() > k_longest_signature) continue;
        if (std::ranges::find(known, signature) == known.end()) fresh.push_back(signature);
    }
    return fresh;
}

std::vector<HashPart> sorted_references(const Narinfo& narinfo) {
    std::vector<HashPart> hashes;
    for (const auto& reference : narinfo.references()) hashes.push_back(reference.hash);
    std::ranges::sort(hashes);
    return hashes;
}

// " a b c and 3 more"
std::string names_of(std::span<const std::string> names) {
    std::string out;
    const auto shown = std::min(names.size(), k_named_references);
    for (const auto& name : names.first(shown)) out += ' ' + name;
    if (names.size() > shown) out += fmt::format(" and {} more", names.size() - shown);
    return out;
}

bool says_the_same(const Narinfo& a, const Narinfo& b) {
    return a.store_path() == b.store_path() && a.nar_hash() == b.nar_hash() &&
           a.nar_size() == b.nar_size() && sorted_references(a) == sorted_references(b);
}

class Publication {
  public:
    Publication(db::Tx& tx, const Cache& cache, const PublishKeys& keys, const Narinfo& narinfo)
        : tx_(tx),
          cache_(cache),
          keys_(keys),
          narinfo_(narinfo),
          key_{cache.id, narinfo.store_path().base.hash} {}

    Published run() {
        if (auto refusal = misplaced()) return *refusal;
        db::share_publishing(tx_);
        if (auto repeated = repeat()) return *repeated;
        if (auto refusal = untrusted()) return *refusal;
        if (auto refusal = without_nar()) return *refusal;
        if (auto refusal = with_gaps()) return *refusal;
        if (auto refusal = beyond_rescue(named())) return *refusal;
        return add();
    }

  private:
    // What the narinfo alone tells.
    [[nodiscard]] Refusal misplaced() const {
        const auto& dir = narinfo_.store_path().store_dir;
        if (dir != cache_.store_dir) {
            return refuse(
                Verdict::wrong,
                fmt::format("this path is of {}, but this cache holds {}", dir, cache_.store_dir)
            );
        }
        for (const auto& file : narinfo_.files()) {
            if (nar_path(file.url) && !names_another_server(file.url)) continue;
            return refuse(
                Verdict::wrong,
                fmt::format(
                    "the URL {} isn't below nar/: NARs have to be uploaded to this cache", file.url
                )
            );
        }
        return std::nullopt;
    }

    // The path is there already. Absent when it isn't.
    Refusal repeat() {
        const auto stored = db::find_stored_narinfo(tx_, key_);
        if (!stored) return std::nullopt;
        const auto known = Narinfo::parse(stored->text);
        if (!known || !says_the_same(narinfo_, *known)) return contradiction(known);
        if (stored->hidden) {
            if (auto refusal = with_gaps()) return refusal;
        }
        if (auto refusal = beyond_rescue({key_.hash})) return refusal;
        add_lines(new_signatures(narinfo_, *known));
        if (cache_.sign_uploads) add_lines(own_signatures(*known));
        tell_published();
        return Published{Verdict::present, ""};
    }

    [[nodiscard]] Published contradiction(const boost::system::result<Narinfo, ParseError>& known
    ) const {
        const auto has = known ? fmt::format(
                                     "{} (NarHash {}, {} bytes)",
                                     known->store_path().base.to_string(),
                                     known->nar_hash().to_nix(),
                                     known->nar_size()
                                 )
                               : key_.hash.to_string();
        return refuse(
            Verdict::conflict,
            fmt::format("this cache has another {}, which stays: the build isn't reproducible", has)
        );
    }

    void add_lines(const std::vector<Signature>& signatures) {
        for (const auto& signature : signatures) {
            db::add_narinfo_line(tx_, key_, "Sig: " + signature.to_string());
        }
    }

    // By each of the server's keys that hasn't signed `narinfo` yet.
    [[nodiscard]] std::vector<Signature> own_signatures(const Narinfo& narinfo) const {
        std::vector<Signature> signatures;
        for (const auto& key : keys_.signing) {
            const auto has = key.public_key();
            if (is_signed_by(narinfo, std::span(&has, 1))) continue;
            signatures.push_back(key.sign(narinfo.fingerprint()));
        }
        return signatures;
    }

    [[nodiscard]] bool is_signed_by_server() const {
        return cache_.sign_uploads && !keys_.signing.empty();
    }

    [[nodiscard]] Refusal untrusted() const {
        TrustedKeys trusted{keys_.trusted, {}};
        trusted.add(trusted_keys_of(cache_));
        if (is_signed_by_server()) return std::nullopt;
        if (trusted.empty()) {
            return refuse(
                Verdict::not_trusted,
                fmt::format(
                    "no key is trusted here: the operator sets one with 'narthex cache set {} "
                    "--trusted-key', or lets the server sign with --sign-uploads true",
                    cache_.name
                )
            );
        }
        const auto checked = check_trust(narinfo_, trusted);
        if (checked) return std::nullopt;
        if (narinfo_.guix_signature()) {
            return refuse(Verdict::not_trusted, "this path " + checked.error().message);
        }
        if (narinfo_.signatures().empty()) {
            return refuse(
                Verdict::not_trusted,
                "this path has no signature: sign it by a key that this cache trusts "
                "(nix store sign, or secret-key= in the store's URL)"
            );
        }
        return refuse(
            Verdict::not_trusted,
            fmt::format(
                "no key that this cache trusts has signed this path (it is signed by {})",
                narinfo_.signatures().front().key_name
            )
        );
    }

    // Its NARs are there, and are what it says they are.
    [[nodiscard]] Refusal without_nar() const {
        std::vector<std::string> urls;
        for (const auto& file : narinfo_.files()) urls.push_back(*nar_path(file.url));
        const auto stored = db::find_uploaded_nars(tx_, cache_.id, urls);
        for (std::size_t i = 0; i < urls.size(); ++i) {
            if (!stored[i]) {
                return refuse(
                    Verdict::incomplete, fmt::format("{} isn't here: upload it first", urls[i])
                );
            }
            const auto& file = narinfo_.files()[i];
            if (auto refusal = misfit(urls[i], file, *stored[i])) return refusal;
        }
        return std::nullopt;
    }

    [[nodiscard]] static Refusal misfit(
        const std::string& url, const NarFile& file, const db::StoredNar& stored
    ) {
        if (file.hash && stored.hash && *file.hash != *stored.hash) {
            return refuse(
                Verdict::wrong,
                fmt::format(
                    "FileHash is {}, but {} has {}", file.hash->to_nix(), url, stored.hash->to_nix()
                )
            );
        }
        if (file.size && stored.size && *file.size != *stored.size) {
            return refuse(
                Verdict::wrong,
                fmt::format("FileSize is {}, but {} has {} bytes", *file.size, url, *stored.size)
            );
        }
        return std::nullopt;
    }

    // References that the cache doesn't have, other than to itself. Hidden ones can be rescued.
    [[nodiscard]] Refusal with_gaps() const {
        if (cache_.allow_gaps) return std::nullopt;
        std::vector<BaseName> others;
        std::vector<HashPart> hashes;
        for (const auto& reference : narinfo_.references()) {
            if (reference.hash == key_.hash) continue;
            others.push_back(reference);
            hashes.push_back(reference.hash);
        }
        if (hashes.empty()) return std::nullopt;
        const auto known = db::find_known(tx_, cache_.id, hashes);
        const std::set<HashPart> there(known.begin(), known.end());
        std::vector<std::string> missing;
        for (const auto& other : others) {
            if (!there.contains(other.hash)) missing.push_back(other.to_string());
        }
        if (missing.empty()) return std::nullopt;
        return refuse(
            Verdict::incomplete,
            fmt::format(
                "{} of its references aren't here, upload them first:{}",
                missing.size(),
                names_of(missing)
            )
        );
    }

    [[nodiscard]] std::vector<HashPart> named() const {
        std::vector<HashPart> paths{key_.hash};
        for (const auto& reference : narinfo_.references()) paths.push_back(reference.hash);
        return paths;
    }

    // What is published is wanted, and all that it needs: no collector hides it from now on.
    Refusal beyond_rescue(const std::vector<HashPart>& paths) {
        if (cache_.allow_gaps) {
            db::rescue_whole(tx_, cache_.id, paths);
            return std::nullopt;
        }
        try {
            db::rescue(tx_, cache_.id, paths);
            return std::nullopt;
        } catch (const db::ClosurePurged& error) {
            std::vector<std::string> missing;
            for (const auto& path : error.missing()) missing.push_back(path.to_string());
            return refuse(
                Verdict::incomplete,
                fmt::format(
                    "{} paths of its closure have been purged, upload them first:{}",
                    missing.size(),
                    names_of(missing)
                )
            );
        }
    }

    // New or again: a collector that is at work on an older plan learns so that somebody wants it.
    void tell_published() {
        db::add_change(tx_, db::ChangeKind::published, cache_.id, std::span(&key_.hash, 1));
    }

    Published add() {
        std::optional<Narinfo> signed_narinfo;
        if (cache_.sign_uploads) signed_narinfo = with_own_signatures();
        const auto& narinfo = signed_narinfo ? *signed_narinfo : narinfo_;
        const db::StoredNarinfo row{
            &narinfo, std::vector<std::optional<db::NarPlace>>(narinfo.files().size())};
        const auto report = db::store_narinfos(tx_, cache_.id, std::span(&row, 1));
        // Another publisher was first.
        if (report.fates[0] != db::Fate::added) return *repeat();
        tell_published();
        return {Verdict::added, ""};
    }

    // At the end, where they are outside of what Guix signs.
    [[nodiscard]] Narinfo with_own_signatures() const {
        auto text = narinfo_.text();
        for (const auto& signature : own_signatures(narinfo_)) {
            text += "Sig: " + signature.to_string() + '\n';
        }
        return Narinfo::parse(std::move(text)).value();
    }

    db::Tx& tx_;
    const Cache& cache_;
    const PublishKeys& keys_;
    const Narinfo& narinfo_;
    PathKey key_;
};

}  // namespace

Published publish_narinfo(
    db::Tx& tx, const Cache& cache, const PublishKeys& keys, const Narinfo& narinfo
) {
    return Publication(tx, cache, keys, narinfo).run();
}

}  // namespace narthex::service
