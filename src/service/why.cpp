#include "narthex/service/why.hpp"

#include <algorithm>
#include <array>

namespace narthex::service {

namespace {

// Runs `job` with a reader of one moment and the roots of that moment.
void with_reader(
    const std::string& database,
    const WhyOptions& options,
    const std::function<void(db::MarkReader&, std::vector<JudgedRoot>)>& job
) {
    db::Connection connection(database, db::Session::work);
    connection.read([&](db::Tx& tx) {
        db::see_one_moment(tx);
        auto roots = judge_roots(tx, options.cache, options.now);
        db::MarkReader reader(database, db::export_snapshot(tx), options.stop);
        job(reader, std::move(roots));
    });
}

// Upwards from a path, a level of referrers after the other.
class Climb {
  public:
    Climb(db::MarkReader& reader, const WhyOptions& options, const std::vector<JudgedRoot>& roots)
        : reader_(reader), options_(options), roots_(roots), last_(reader.last_path_id()) {}

    std::optional<Reason> from(int path) {
        const auto seeds = all_seeds();
        Bitmap seen(last_);
        seen.add(path);
        levels_.assign(1, seen);
        while (!meets(levels_.back(), seeds)) {
            auto referrers = referrers_of(levels_.back(), seen);
            if (referrers.count() == 0) return std::nullopt;
            referrers.for_each([&](int id) { seen.add(id); });
            levels_.push_back(std::move(referrers));
        }
        return descend();
    }

  private:
    [[nodiscard]] Bitmap all_seeds() {
        Bitmap seeds(last_);
        for_each_seed(reader_, options_.cache, options_.keep, roots_, [&](const Keeper&, int id) {
            seeds.add(id);
        });
        return seeds;
    }

    static bool meets(const Bitmap& a, const Bitmap& b) {
        auto rest = a;
        rest.remove(b);
        return rest.count() < a.count();
    }

    [[nodiscard]] Bitmap referrers_of(const Bitmap& level, const Bitmap& seen) {
        Bitmap referrers(last_);
        std::uint64_t rows = 0;
        reader_.pass(
            [&](int id) {
                if (++rows % 65536 == 0 && options_.progress) options_.progress("climbing", rows);
                return !seen.test(id);
            },
            [&](int id, std::span<const int> references) {
                const auto leads_on = [&](int each) { return level.test(each); };
                if (std::ranges::any_of(references, leads_on)) referrers.add(id);
            }
        );
        return referrers;
    }

    // The chain from the best seed of the highest level.
    Reason descend() {
        std::optional<Reason> best;
        for_each_seed(
            reader_,
            options_.cache,
            options_.keep,
            roots_,
            [&](const Keeper& keeper, int id) {
                if (!levels_.back().test(id)) return;
                if (!best || is_better(keeper, id, *best)) best = Reason{keeper, {id}};
            }
        );
        for (auto level = levels_.size() - 1; level-- > 0;) {
            best->chain.push_back(step(best->chain.back(), levels_[level]));
        }
        return std::move(*best);
    }

    static bool is_better(const Keeper& keeper, int id, const Reason& than) {
        if (keeper.is_root != than.keeper.is_root) return keeper.is_root;
        if (keeper.is_root && keeper.name != than.keeper.name)
            return keeper.name < than.keeper.name;
        return keeper == than.keeper && id < than.chain[0];
    }

    // A path of `level` that this one refers to.
    int step(int from, const Bitmap& level) {
        int to = 0;
        reader_.rows(std::array{from}, [&](int, std::span<const int> references) {
            to = *std::ranges::find_if(references, [&](int each) { return level.test(each); });
        });
        return to;
    }

    db::MarkReader& reader_;
    const WhyOptions& options_;
    const std::vector<JudgedRoot>& roots_;
    int last_;
    std::vector<Bitmap> levels_;  // the path, its referrers, theirs, ...
};

Tally count_exclusive(
    db::MarkReader& reader,
    const WhyOptions& options,
    const std::vector<JudgedRoot>& roots,
    const std::string& root
) {
    const int last = reader.last_path_id();
    Bitmap own(last);
    Bitmap others(last);
    for_each_seed(reader, options.cache, options.keep, roots, [&](const Keeper& keeper, int id) {
        (keeper == Keeper{true, root} ? own : others).add(id);
    });
    const auto engine = choose_engine(last, k_stream_above);
    Bitmap kept(last);
    mark(reader, engine, others, kept, options.progress);
    auto exclusive = kept;
    mark(reader, engine, own, exclusive, options.progress);
    exclusive.remove(kept);
    Tally tally;
    reader.candidates(options.cache, [&](const db::Candidate& candidate) {
        if (!candidate.hidden && exclusive.test(candidate.id)) tally.add(candidate.nar_size);
    });
    return tally;
}

}  // namespace

std::optional<Reason> why_live(const std::string& database, const WhyOptions& options, int path) {
    std::optional<Reason> reason;
    with_reader(database, options, [&](db::MarkReader& reader, std::vector<JudgedRoot> roots) {
        reason = Climb(reader, options, roots).from(path);
    });
    return reason;
}

std::optional<Tally> exclusive_to(
    const std::string& database, const WhyOptions& options, const std::string& root
) {
    std::optional<Tally> tally;
    with_reader(database, options, [&](db::MarkReader& reader, std::vector<JudgedRoot> roots) {
        const auto at = std::ranges::find_if(roots, [&](const JudgedRoot& each) {
            return each.root.name == root;
        });
        if (at == roots.end()) return;
        at->lives = true;
        tally = count_exclusive(reader, options, roots, root);
    });
    return tally;
}

}  // namespace narthex::service
