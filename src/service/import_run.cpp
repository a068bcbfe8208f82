#include "import_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace narthex::service {

namespace {
// How soon a throttled import notices that it shall end.
constexpr std::chrono::milliseconds k_longest_sleep(50);
}  // namespace

ImportRun::ImportRun(const ImportOptions& options, const ImportEvents& events)
    : options_(options), events_(events) {
    if (options.rate != 0) pace_.emplace(options.rate);
}

std::size_t ImportRun::largest_batch() const {
    return pace_ ? pace_->largest_batch() : SIZE_MAX;
}

void ImportRun::wait_for_turn(std::size_t narinfos) {
    if (!pace_ || narinfos == 0) return;
    const auto turn = pace_->take(narinfos, Pace::Clock::now());
    // In pieces: what ends the import is a flag that nobody can wait for.
    for (auto now = Pace::Clock::now(); now < turn && !stopped(); now = Pace::Clock::now()) {
        std::this_thread::sleep_for(std::min<Pace::Clock::duration>(turn - now, k_longest_sleep));
    }
}

void ImportRun::reject(const Origin& origin, const std::string& reason) {
    ++report.rejected;
    if (events_.rejected) events_.rejected({origin.file, origin.line, reason});
}

void ImportRun::reject_conflict(const Narinfo& narinfo, const Origin& origin) {
    ++report.conflicts;
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

void ImportRun::tell(const ImportProgress& progress) const {
    if (events_.progress) events_.progress(progress);
}

void ImportRun::tell_batch_stored() const {
    if (events_.batch_stored) events_.batch_stored(report);
}

}  // namespace narthex::service
