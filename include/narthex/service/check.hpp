// Looks for what is wrong in a cache: narinfos whose text, signature, references, graph or NARs
// don't hold, and NARs that nobody names. It reports; with `repair` it also forgets what stands for
// nothing: places of NARs where no file is, and rows of NARs that neither a narinfo nor a file
// stands behind. Narinfos and files are never touched.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/trust.hpp"
#include "narthex/db/connection.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace narthex::service {

enum class FindingKind {
    text,          // can't be parsed, or says something else than the columns beside it
    signature,     // keys are trusted, and none of them signed it
    graph,         // the collector's references are others than the text's
    dangling,      // it refers to a path that isn't served
    nar_unlinked,  // it names a NAR that the database doesn't have for it
    nar_nowhere,   // its NAR has no place at all
    nar_missing,   // the file isn't at its place, or can't be read
    nar_size,      // the file has another size than FileSize
    nar_hash,      // the file has another hash than FileHash
    nar_unnamed,   // no narinfo names the NAR
};
inline constexpr std::size_t k_finding_kinds = 10;

// "nar-missing": for tables and JSON.
[[nodiscard]] std::string_view to_string(FindingKind kind);

struct Finding {
    FindingKind kind;
    std::string what;    // the store path, or the URL of a NAR that no path names
    std::string detail;  // what is wrong, as the end of a sentence
    bool repaired = false;
};

struct CheckOptions {
    Cache cache;  // as stored
    TrustedKeys keys;
    std::uint64_t sample = 0;  // about so many narinfos, chosen at random; 0: all
    bool files = false;   // looks whether the files of NARs are there and as long as they should be
    bool hashes = false;  // reads them as well
    bool repair = false;
};

struct CheckReport {
    std::uint64_t narinfos = 0;
    std::uint64_t hidden = 0;             // of those; that their references lack isn't reported
    std::uint64_t without_signature = 0;  // of those
    std::uint64_t nars = 0;               // places of NARs that were looked at
    std::uint64_t nar_bytes = 0;          // read
    std::array<std::uint64_t, k_finding_kinds> found{};
    std::array<std::uint64_t, k_finding_kinds> repaired{};
    bool interrupted = false;

    [[nodiscard]] bool clean() const;  // nothing is left that was found
};

struct CheckEvents {
    std::function<void(const Finding&)> found;
    std::function<void(const CheckReport& so_far)> progress;  // after each stretch
    const std::atomic<bool>* stop = nullptr;
};

// Throws what db throws.
[[nodiscard]] CheckReport check_cache(
    db::Connection& connection, const CheckOptions& options, const CheckEvents& events
);

}  // namespace narthex::service
