#include "narthex/service/mark.hpp"

#include "narthex/core/marking.hpp"

#include <array>
#include <vector>

namespace narthex::service {

namespace {

constexpr std::size_t k_most_late = 8 * 1024 * 1024;  // 32 MiB
constexpr std::size_t k_batch = 1000;                 // late paths looked up at once
// Looking up a row costs about what four rows of a pass cost: at most half a pass is spent on it
// before another pass.
constexpr std::uint64_t k_followed_share = 8;
constexpr std::uint64_t k_progress_interval = 65536;

// The stream engine.
class Passes {
  public:
    Passes(db::MarkReader& reader, Bitmap& marked, const MarkProgress& progress)
        : reader_(reader), marking_(marked, k_most_late), marked_(marked), progress_(progress) {}

    void run() {
        do {
            pass();
            if (marking_.can_follow()) follow();
        } while (!marking_.done());
    }

  private:
    void pass() {
        marking_.begin_pass();
        rows_ = 0;
        reader_.pass(
            [this](int id) {
                if (++rows_ % k_progress_interval == 0) tell("marking", rows_);
                return marked_.test(id);
            },
            [this](int id, std::span<const int> references) { marking_.row(id, references); }
        );
    }

    void follow() {
        const auto most = rows_ / k_followed_share + k_batch;
        for (std::uint64_t followed = 0; followed < most && !marking_.done();) {
            const auto late = marking_.take_late(k_batch);
            reader_.rows(late, [this](int, std::span<const int> references) {
                marking_.followed(references);
            });
            followed += late.size();
            tell("following late references", followed);
        }
    }

    void tell(std::string_view phase, std::uint64_t paths) const {
        if (progress_) progress_(phase, paths);
    }

    db::MarkReader& reader_;
    Marking marking_;
    Bitmap& marked_;
    const MarkProgress& progress_;
    std::uint64_t rows_ = 0;
};

void mark_by_query(
    db::MarkReader& reader,
    const std::vector<int>& seeds,
    Bitmap& marked,
    const MarkProgress& progress
) {
    if (progress) progress("marking", 0);
    std::uint64_t paths = 0;
    reader.reached(seeds, [&](int id) {
        marked.add(id);
        if (progress && ++paths % k_progress_interval == 0) progress("marking", paths);
    });
}

}  // namespace

std::string_view to_string(Engine engine) {
    return engine == Engine::sql ? "sql" : "stream";
}

std::optional<Engine> parse_engine(std::string_view text) {
    for (const auto each : std::array{Engine::sql, Engine::stream}) {
        if (text == to_string(each)) return each;
    }
    return std::nullopt;
}

Engine choose_engine(int last_path_id, std::uint64_t stream_above) {
    return static_cast<std::uint64_t>(last_path_id) > stream_above ? Engine::stream : Engine::sql;
}

void mark(
    db::MarkReader& reader,
    Engine engine,
    const Bitmap& seeds,
    Bitmap& marked,
    const MarkProgress& progress
) {
    std::vector<int> fresh;
    std::size_t count = 0;
    seeds.for_each([&](int id) {
        if (marked.test(id)) return;
        ++count;
        if (engine == Engine::sql) fresh.push_back(id);
    });
    if (count == 0) return;
    if (engine == Engine::sql) return mark_by_query(reader, fresh, marked, progress);
    seeds.for_each([&](int id) { marked.add(id); });
    Passes(reader, marked, progress).run();
}

}  // namespace narthex::service
