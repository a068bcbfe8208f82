#include "narthex/service/import.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/db/narinfos.hpp"
#include "narthex/db/tags.hpp"
#include "narthex/service/pace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <thread>
#include <unordered_map>
#include <unordered_set>

namespace narthex::service {

namespace {

// A batch is one transaction: large enough that its statements' fixed cost vanishes, small enough
// that its texts, and the references' ids, are a few tens of megabytes.
constexpr std::size_t k_batch_narinfos = 2000;
constexpr std::size_t k_batch_bytes = 8 * 1024 * 1024;
// How soon a throttled import notices that it shall end.
constexpr std::chrono::milliseconds k_longest_sleep(50);

struct Origin {
    std::string file;
    std::size_t line;
};

struct Candidate {
    Narinfo narinfo;
    Origin origin;
    std::vector<std::optional<db::NarPlace>> places;
    std::vector<Origin> repeats = {};  // where it came again in the same batch
};

bool contradicts(const Narinfo& a, const Narinfo& b) {
    return a.nar_hash() != b.nar_hash() || a.nar_size() != b.nar_size() ||
           a.store_path() != b.store_path();
}

class Import {
  public:
    Import(
        db::Connection& connection,
        NarinfoSource& source,
        const ImportOptions& options,
        const ImportEvents& events
    )
        : connection_(connection), source_(source), options_(options), events_(events) {
        keys_ = options.trusted_keys;
        keys_.add(trusted_keys_of(options.cache));
        if (options.rate == 0) return;
        pace_.emplace(options.rate);
        most_narinfos_ = std::min(most_narinfos_, pace_->largest_batch());
    }

    ImportReport run() {
        if (options_.nar_directory) find_site();
        source_.for_each([this](SourceItem item) { return take(std::move(item)); });
        store();
        report_.interrupted = stopped();
        find_dangling();
        return std::move(report_);
    }

  private:
    void find_site() {
        connection_.write([this](db::Tx& tx) {
            site_ = db::find_or_insert_nar_directory(tx, options_.nar_directory->base());
        });
    }

    // False ends the reading.
    bool take(SourceItem item) {
        check(std::move(item));
        if (batch_narinfos_ >= most_narinfos_ || batch_bytes_ >= k_batch_bytes) store();
        return !stopped();
    }

    [[nodiscard]] bool stopped() const { return events_.stop != nullptr && events_.stop->load(); }

    void check(SourceItem item) {
        if (!item.problem.empty()) return reject(item.file, 0, item.problem);
        const auto line = item.record.first_line;
        if (item.record.oversized) {
            return reject(
                item.file, line, fmt::format("is larger than {} bytes", k_max_narinfo_bytes)
            );
        }
        auto parsed = Narinfo::parse(std::move(item.record.text));
        if (!parsed) {
            const auto& error = parsed.error();
            const auto at = error.line == 0 ? line : line + error.line - 1;
            return reject(item.file, at, error.reason);
        }
        const auto reason = refusal(*parsed);
        if (!reason.empty()) return reject(item.file, line, reason);
        auto places = find_nars(*parsed);
        if (!places) return reject(item.file, line, places.error().message);
        add({std::move(*parsed), {std::move(item.file), line}, std::move(*places)});
    }

    // Why the cache doesn't want this narinfo; empty when it does.
    [[nodiscard]] std::string refusal(const Narinfo& narinfo) const {
        const auto& cache = options_.cache;
        if (narinfo.store_path().store_dir != cache.store_dir) {
            return fmt::format(
                "is of {}, but cache {} holds {}: choose another with --cache",
                narinfo.store_path().store_dir,
                cache.name,
                cache.store_dir
            );
        }
        for (const auto& file : narinfo.files()) {
            if (names_another_server(file.url) || nar_path(file.url)) continue;
            return fmt::format("its URL {} isn't below nar/, where narthex serves NARs", file.url);
        }
        const auto trusted = check_trust(narinfo, keys_);
        return trusted ? std::string() : trusted.error().message;
    }

    [[nodiscard]] Result<std::vector<std::optional<db::NarPlace>>> find_nars(const Narinfo& narinfo
    ) const {
        std::vector<std::optional<db::NarPlace>> places(narinfo.files().size());
        if (!options_.nar_directory) return places;
        for (std::size_t i = 0; i < places.size(); ++i) {
            auto found = options_.nar_directory->find(narinfo.files()[i]);
            if (!found) return found.error();
            if (!*found) continue;
            auto unreadable = refusal_to_read(**found);
            if (!unreadable.empty()) return Error{std::move(unreadable)};
            places[i] = db::NarPlace{site_, **found};
        }
        return places;
    }

    [[nodiscard]] std::string refusal_to_read(const std::string& nar) const {
        if (!options_.why_unreadable) return {};
        const auto file = std::filesystem::path(options_.nar_directory->base()) / nar;
        const auto why = options_.why_unreadable(file);
        return why.empty() ? why : fmt::format("its NAR {} {}", file.string(), why);
    }

    void add(Candidate candidate) {
        const auto hash = candidate.narinfo.store_path().base.hash;
        const auto known = places_.find(hash);
        if (known != places_.end() &&
            !contradicts(batch_[known->second].narinfo, candidate.narinfo)) {
            batch_[known->second].repeats.push_back(std::move(candidate.origin));
        } else {
            // Which of two that contradict each other the cache has, only the database can say.
            if (known != places_.end()) store();
            places_.emplace(hash, batch_.size());
            batch_bytes_ += candidate.narinfo.text().size();
            batch_.push_back(std::move(candidate));
        }
        ++batch_narinfos_;
    }

    void store() {
        if (batch_.empty()) return;
        wait_for_turn();
        std::vector<db::StoredNarinfo> rows;
        rows.reserve(batch_.size());
        for (const auto& candidate : batch_) rows.push_back({&candidate.narinfo, candidate.places});
        db::StoreReport stored;
        connection_.write([&](db::Tx& tx) {
            stored = db::store_narinfos(tx, options_.cache.id, rows);
            add_tags(tx, stored);
        });
        count(stored);
        batch_.clear();
        places_.clear();
        batch_narinfos_ = 0;
        batch_bytes_ = 0;
        if (events_.batch_stored) events_.batch_stored(report_, source_.bytes_read());
    }

    void add_tags(db::Tx& tx, const db::StoreReport& stored) const {
        if (options_.tags.empty()) return;
        std::vector<HashPart> paths;
        for (std::size_t i = 0; i < batch_.size(); ++i) {
            if (stored.fates[i] == db::Fate::conflict) continue;
            paths.push_back(batch_[i].narinfo.store_path().base.hash);
        }
        db::add_tags(tx, options_.cache.id, paths, options_.tags);
    }

    void wait_for_turn() {
        if (!pace_) return;
        const auto turn = pace_->take(batch_narinfos_, Pace::Clock::now());
        // In pieces: what ends the import is a flag that nobody can wait for.
        for (auto now = Pace::Clock::now(); now < turn && !stopped(); now = Pace::Clock::now()) {
            std::this_thread::sleep_for(std::min<Pace::Clock::duration>(turn - now, k_longest_sleep)
            );
        }
    }

    void count(const db::StoreReport& stored) {
        for (std::size_t i = 0; i < batch_.size(); ++i) {
            const auto& [narinfo, origin, places, repeats] = batch_[i];
            if (stored.fates[i] == db::Fate::conflict) {
                reject_conflict(narinfo, origin);
                for (const auto& repeat : repeats) reject_conflict(narinfo, repeat);
                continue;
            }
            ++(stored.fates[i] == db::Fate::added ? report_.added : report_.present);
            report_.present += repeats.size();
        }
        dangling_.insert(stored.dangling_ids.begin(), stored.dangling_ids.end());
        for (const int id : stored.added_ids) dangling_.erase(id);
    }

    // Others may have imported what was missing when our batch was stored, so the database is
    // asked.
    void find_dangling() {
        const std::vector<int> ids(dangling_.begin(), dangling_.end());
        constexpr std::size_t k_chunk = 10'000;
        for (std::size_t from = 0; from < ids.size(); from += k_chunk) {
            const auto chunk = std::span(ids).subspan(from, std::min(k_chunk, ids.size() - from));
            connection_.read([&](db::Tx& tx) {
                const auto found = db::find_dangling(tx, chunk);
                report_.dangling.insert(report_.dangling.end(), found.begin(), found.end());
            });
        }
        std::ranges::sort(report_.dangling);
    }

    void reject(const std::string& file, std::size_t line, const std::string& reason) {
        ++report_.rejected;
        if (events_.rejected) events_.rejected({file, line, reason});
    }

    void reject_conflict(const Narinfo& narinfo, const Origin& origin) {
        ++report_.conflicts;
        if (!events_.rejected) return;
        events_.rejected(
            {origin.file,
             origin.line,
             fmt::format(
                 "conflict: the cache's narinfo of {} has another name, NarHash or NarSize than "
                 "this one ({}, {}, {} bytes); the stored one stays",
                 narinfo.store_path().base.hash.to_string(),
                 narinfo.store_path().base.name,
                 narinfo.nar_hash().to_nix(),
                 narinfo.nar_size()
             )}
        );
    }

    db::Connection& connection_;
    NarinfoSource& source_;
    const ImportOptions& options_;
    const ImportEvents& events_;
    TrustedKeys keys_;
    std::optional<Pace> pace_;
    std::size_t most_narinfos_ = k_batch_narinfos;  // in a batch
    int site_ = 0;
    std::vector<Candidate> batch_;
    std::unordered_map<HashPart, std::size_t> places_;  // in batch_
    std::size_t batch_narinfos_ = 0;                    // repeats included
    std::size_t batch_bytes_ = 0;
    std::unordered_set<int> dangling_;  // path ids
    ImportReport report_;
};

}  // namespace

ImportReport import_narinfos(
    db::Connection& connection,
    NarinfoSource& source,
    const ImportOptions& options,
    const ImportEvents& events
) {
    return Import(connection, source, options, events).run();
}

}  // namespace narthex::service
