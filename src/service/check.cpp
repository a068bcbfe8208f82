#include "narthex/service/check.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/db/checks.hpp"
#include "narthex/service/nar_file_check.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <vector>

namespace narthex::service {

namespace {

// A stretch is one short transaction for each of its questions.
constexpr std::size_t k_stretch = 1000;

std::size_t place(FindingKind kind) {
    return static_cast<std::size_t>(kind);
}

FindingKind kind_of(NarFileFault::Kind kind) {
    switch (kind) {
        case NarFileFault::Kind::missing:
        case NarFileFault::Kind::unreadable:
            return FindingKind::nar_missing;
        case NarFileFault::Kind::size:
            return FindingKind::nar_size;
        case NarFileFault::Kind::hash:
            break;
    }
    return FindingKind::nar_hash;
}

std::vector<HashPart> random_hash_parts(std::size_t count) {
    std::vector<HashPart> out;
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::array<unsigned char, HashPart::k_size> bytes{};
        randombytes_buf(bytes.data(), bytes.size());
        out.emplace_back(bytes);
    }
    return out;
}

// What the narinfo's text should have made of the columns beside it; empty when it has.
std::string column_fault(const db::CheckedNarinfo& row, const Narinfo& narinfo) {
    const auto& base = narinfo.store_path().base;
    if (base.hash != row.hash) return fmt::format("its StorePath is {}", base.to_string());
    if (base.name != row.name) return fmt::format("the database has its name as {}", row.name);
    if (narinfo.nar_hash() != row.nar_hash) {
        return fmt::format("the database has its NarHash as {}", row.nar_hash.to_nix());
    }
    if (narinfo.nar_size() == row.nar_size) return {};
    return fmt::format("the database has its NarSize as {}", row.nar_size);
}

bool same_references(const db::CheckedNarinfo& row, const Narinfo& narinfo) {
    return row.references && std::ranges::equal(
                                 *row.references,
                                 narinfo.references(),
                                 {},
                                 {},
                                 [](const BaseName& base) { return base.hash; }
                             );
}

class Check {
  public:
    Check(db::Connection& connection, const CheckOptions& options, const CheckEvents& events)
        : connection_(connection), options_(options), events_(events) {}

    CheckReport run() {
        if (options_.sample > 0) {
            check_sample();
        } else {
            check_all();
        }
        check_unnamed();
        report_.interrupted = stopped();
        return report_;
    }

  private:
    [[nodiscard]] bool stopped() const { return events_.stop != nullptr && events_.stop->load(); }

    // Each question in a transaction of its own: the check takes hours where the cache is large,
    // and a snapshot that old would keep PostgreSQL from cleaning up.
    template <class T>
    T read(const std::function<T(db::Tx&)>& question) {
        T answer;
        connection_.read([&](db::Tx& tx) { answer = question(tx); });
        return answer;
    }

    void check_all() {
        std::optional<HashPart> after;
        while (!stopped()) {
            const auto hashes = read<std::vector<HashPart>>([&](db::Tx& tx) {
                return db::list_hash_parts(tx, options_.cache.id, after, k_stretch);
            });
            if (hashes.empty()) return;
            after = hashes.back();
            check_stretch(hashes);
        }
    }

    void check_sample() {
        for (auto left = options_.sample; left > 0 && !stopped();) {
            const auto from = random_hash_parts(std::min<std::uint64_t>(left, k_stretch));
            left -= from.size();
            check_stretch(read<std::vector<HashPart>>([&](db::Tx& tx) {
                return db::sample_hash_parts(tx, options_.cache.id, from);
            }));
        }
    }

    void check_stretch(const std::vector<HashPart>& hashes) {
        names_.clear();
        hidden_.clear();
        const auto narinfos = read<std::vector<db::CheckedNarinfo>>([&](db::Tx& tx) {
            return db::check_narinfos(tx, options_.cache.id, hashes);
        });
        const auto nars = read<std::vector<db::CheckedNar>>([&](db::Tx& tx) {
            return db::list_nars_of(tx, options_.cache.id, hashes);
        });
        std::map<HashPart, std::set<std::string>> urls;
        for (const auto& nar : nars) urls[*nar.named_by].insert(nar.url);
        for (const auto& row : narinfos) check_narinfo(row, urls[row.hash]);
        check_references(hashes);
        check_nars(nars);
        if (events_.progress) events_.progress(report_);
    }

    void check_narinfo(const db::CheckedNarinfo& row, const std::set<std::string>& urls) {
        ++report_.narinfos;
        names_.emplace(row.hash, row.name);
        if (row.hidden) {
            ++report_.hidden;
            hidden_.insert(row.hash);
        }
        const auto narinfo = Narinfo::parse(row.text);
        if (!narinfo) {
            return report(FindingKind::text, path_of(row.hash), narinfo.error().to_string());
        }
        const auto fault = column_fault(row, *narinfo);
        if (!fault.empty()) report(FindingKind::text, path_of(row.hash), fault);
        check_signature(row.hash, *narinfo);
        if (!same_references(row, *narinfo)) {
            report(
                FindingKind::graph,
                path_of(row.hash),
                row.references ? "the graph has other references than its text"
                               : "the graph doesn't have it"
            );
        }
        for (const auto& file : narinfo->files()) {
            if (urls.contains(nar_path(file.url).value_or(file.url))) continue;
            report(
                FindingKind::nar_unlinked,
                path_of(row.hash),
                fmt::format("the database doesn't have its NAR {}", file.url)
            );
        }
    }

    void check_signature(const HashPart& hash, const Narinfo& narinfo) {
        if (narinfo.signatures().empty() && !narinfo.guix_signature()) ++report_.without_signature;
        const auto trusted = check_trust(narinfo, options_.keys);
        if (!trusted) report(FindingKind::signature, path_of(hash), trusted.error().message);
    }

    void check_references(const std::vector<HashPart>& hashes) {
        const auto missing = read<std::vector<db::MissingReference>>([&](db::Tx& tx) {
            return db::find_missing_references(tx, options_.cache.id, hashes);
        });
        for (const auto& each : missing) {
            // What nobody is given may lack what it wants.
            if (hidden_.contains(each.referrer)) continue;
            report(
                FindingKind::dangling,
                path_of(each.referrer),
                fmt::format("its reference {} isn't served", each.reference.to_string())
            );
        }
    }

    void check_nars(const std::vector<db::CheckedNar>& nars) {
        for (const auto& nar : nars) {
            if (stopped()) return;
            const auto path = path_of(*nar.named_by);
            if (!nar.site) {
                if (names_another_server(nar.url)) continue;
                report(
                    FindingKind::nar_nowhere,
                    path,
                    fmt::format("nobody has said where its NAR {} is", nar.url)
                );
            } else if (nar.file && options_.files) {
                check_file(nar, path);
            }
        }
    }

    void check_file(const db::CheckedNar& nar, const std::string& what) {
        ++report_.nars;
        const auto fault = check_nar_file(
            *nar.file,
            nar.file_size,
            nar.file_hash,
            options_.hashes,
            report_.nar_bytes,
            events_.stop
        );
        if (!fault) return;
        const bool gone = fault->kind == NarFileFault::Kind::missing;
        if (gone && options_.repair) forget_place(nar);
        report(kind_of(fault->kind), what, fault->detail, gone && options_.repair);
    }

    void forget_place(const db::CheckedNar& nar) {
        connection_.write([&](db::Tx& tx) { db::forget_nar_location(tx, nar.id, *nar.site); });
    }

    // In a sample too: they are few, and found by one walk along an index.
    void check_unnamed() {
        std::int64_t after = 0;
        while (!stopped()) {
            const auto nars = read<std::vector<db::CheckedNar>>([&](db::Tx& tx) {
                return db::list_unnamed_nars(tx, options_.cache.id, after, k_stretch);
            });
            if (nars.empty()) return;
            for (const auto& nar : nars) {
                if (nar.file && options_.files) check_file(nar, nar.url);
                if (nar.id != after) report_unnamed(nar);
                after = nar.id;
            }
            if (events_.progress) events_.progress(report_);
        }
    }

    // When its first place has been looked at: one with several is forgotten by the next repair.
    void report_unnamed(const db::CheckedNar& nar) {
        bool forgotten = false;
        if (options_.repair) {
            connection_.write([&](db::Tx& tx) { forgotten = db::forget_unnamed_nar(tx, nar.id); });
        }
        report(FindingKind::nar_unnamed, nar.url, "no narinfo names this NAR", forgotten);
    }

    [[nodiscard]] std::string path_of(const HashPart& hash) const {
        const auto& dir = options_.cache.store_dir;
        const auto name = names_.find(hash);
        if (name == names_.end()) return fmt::format("{}/{}", dir, hash.to_string());
        return fmt::format("{}/{}-{}", dir, hash.to_string(), name->second);
    }

    void report(
        FindingKind kind, const std::string& what, const std::string& detail, bool repaired = false
    ) {
        ++report_.found[place(kind)];
        if (repaired) ++report_.repaired[place(kind)];
        if (events_.found) events_.found({kind, what, detail, repaired});
    }

    db::Connection& connection_;
    const CheckOptions& options_;
    const CheckEvents& events_;
    CheckReport report_;
    // Of the stretch under way.
    std::map<HashPart, std::string> names_;
    std::set<HashPart> hidden_;
};

}  // namespace

std::string_view to_string(FindingKind kind) {
    static constexpr std::array<std::string_view, k_finding_kinds> names{
        "text",
        "signature",
        "graph",
        "dangling",
        "nar-unlinked",
        "nar-nowhere",
        "nar-missing",
        "nar-size",
        "nar-hash",
        "nar-unnamed"};
    return names[place(kind)];
}

bool CheckReport::clean() const {
    return found == repaired;
}

CheckReport check_cache(
    db::Connection& connection, const CheckOptions& options, const CheckEvents& events
) {
    return Check(connection, options, events).run();
}

}  // namespace narthex::service
