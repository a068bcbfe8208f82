#include "narthex/service/import.hpp"

#include "import_check.hpp"
#include "import_chunk.hpp"
#include "import_run.hpp"
#include "import_store.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::service {

namespace {

bool contradicts(const Narinfo& a, const Narinfo& b) {
    return a.nar_hash() != b.nar_hash() || a.nar_size() != b.nar_size() ||
           a.store_path() != b.store_path();
}

bool contradicts(const db::HeldNarinfo& held, const Narinfo& narinfo) {
    const auto to_byte = [](char c) { return static_cast<unsigned char>(c); };
    return held.name != narinfo.store_path().base.name || held.nar_size != narinfo.nar_size() ||
           !std::ranges::equal(held.nar_hash, narinfo.nar_hash().bytes(), {}, to_byte);
}

// The first half: what is read and checked goes into a chunk, unless the cache has it.
class Import {
  public:
    Import(
        const std::string& database,
        NarinfoSource& source,
        const ImportOptions& options,
        const ImportEvents& events
    )
        : run_(options, events),
          store_(database, run_),
          source_(source),
          options_(options),
          check_(options),
          chunk_(options.temporary_directory) {}

    ImportReport run() {
        if (options_.nar_directory) site_ = store_.find_site();
        check_all(source_, check_, [this](std::vector<Checked> block) {
            return take_block(std::move(block));
        });
        if (!run_.stopped()) store_.store(chunk_);
        run_.report.interrupted = run_.stopped();
        run_.report.dangling = store_.find_dangling();
        return std::move(run_.report);
    }

  private:
    // False ends the reading.
    bool take_block(std::vector<Checked> block) {
        const auto held = find_held(block);
        const auto present_before = run_.report.present;
        for (std::size_t i = 0; i < block.size() && !run_.stopped(); ++i) {
            ++read_;
            if (block[i].narinfo) {
                take(std::move(*block[i].narinfo), std::move(block[i].origin), held[i]);
            } else {
                run_.reject(block[i].origin, block[i].refusal);
            }
        }
        run_.wait_for_turn(run_.report.present - present_before);
        store_.store_held(again_);
        again_.clear();
        store_.tag(present_);
        present_.clear();
        run_.tell({ImportPhase::reading, read_, source_.bytes_read(), 0});
        return !run_.stopped();
    }

    // What the cache has of each path of the block.
    std::vector<std::optional<db::HeldNarinfo>> find_held(const std::vector<Checked>& block) {
        std::vector<HashPart> hashes;
        std::vector<std::size_t> asked;
        for (std::size_t i = 0; i < block.size(); ++i) {
            if (!block[i].narinfo) continue;
            hashes.push_back(hash_of(*block[i].narinfo));
            asked.push_back(i);
        }
        std::vector<std::optional<db::HeldNarinfo>> out(block.size());
        for (auto& held : store_.find_held(hashes)) out[asked[held.asked]] = std::move(held);
        return out;
    }

    void take(Narinfo narinfo, Origin origin, const std::optional<db::HeldNarinfo>& held) {
        auto places = find_nars(narinfo);
        if (!places) return run_.reject(origin, places.error().message);
        Candidate candidate{std::move(narinfo), std::move(origin), std::move(*places)};
        if (held) {
            take_held(std::move(candidate), *held);
        } else if (const auto before = chunk_.index().find(hash_of(candidate.narinfo))) {
            take_repeated(candidate, *before);
        } else {
            chunk_.add(candidate);
            if (chunk_.memory() >= options_.sort_memory) store_part();
        }
    }

    void take_held(Candidate candidate, const db::HeldNarinfo& held) {
        const auto& hash = hash_of(candidate.narinfo);
        if (contradicts(held, candidate.narinfo)) {
            return run_.reject_conflict(candidate.narinfo, candidate.origin);
        }
        ++run_.report.present;
        present_.push_back(hash);
        const bool placed = std::ranges::any_of(candidate.places, [](const auto& place) {
            return place.has_value();
        });
        const bool repeated = std::ranges::any_of(again_, [&](const Candidate& other) {
            return hash_of(other.narinfo) == hash;
        });
        if ((placed || held.in_batch) && !repeated) again_.push_back(std::move(candidate));
    }

    void take_repeated(const Candidate& candidate, ImportChunk::Place before) {
        chunk_.finish();
        if (contradicts(chunk_.load(before).narinfo, candidate.narinfo)) {
            run_.reject_conflict(candidate.narinfo, candidate.origin);
        } else {
            ++run_.report.present;
        }
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

    // What was read so far leaves no room for more.
    void store_part() {
        if (options_.closed) {
            throw TooManyToOrder(fmt::format(
                "--closed needs the references of all narinfos in memory, and they take more than "
                "{} MiB: nothing was stored; allow more by --sort-memory",
                options_.sort_memory >> 20
            ));
        }
        store_.store(chunk_);
    }

    ImportRun run_;
    ImportStore store_;
    NarinfoSource& source_;
    const ImportOptions& options_;
    ImportCheck check_;
    int site_ = 0;
    std::uint64_t read_ = 0;         // records
    std::vector<HashPart> present_;  // of the block under way, that the cache has
    std::vector<Candidate> again_;   // that the cache has, with NARs found, or hidden
    ImportChunk chunk_;
};

}  // namespace

ImportReport import_narinfos(
    const std::string& database,
    NarinfoSource& source,
    const ImportOptions& options,
    const ImportEvents& events
) {
    return Import(database, source, options, events).run();
}

}  // namespace narthex::service
