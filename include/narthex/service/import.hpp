// Brings narinfos into a cache: reads, checks, stores in batches, each in a transaction of its own.
// What is refused is reported and the rest goes on; running an import again is harmless.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/tag.hpp"
#include "narthex/core/trust.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/service/nar_directory.hpp"
#include "narthex/service/narinfo_source.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace narthex::service {

struct ImportOptions {
    Cache cache;  // as stored
    // With any of these, or keys of the cache, every narinfo must be signed by one of all.
    TrustedKeys trusted_keys;
    // Of every narinfo that is stored or was there already.
    std::vector<Tag> tags;
    // Where the NARs are: a narinfo whose NAR isn't there is refused. Without, nothing is known.
    std::optional<NarDirectory> nar_directory;
    // Why whoever serves can't read a file, as the end of a sentence; empty when it can. A narinfo
    // whose NAR is such a file is refused. Without, nobody is asked.
    std::function<std::string(const std::filesystem::path&)> why_unreadable;
    // Narinfos a second, on average and at most, so that the database's readers don't notice much:
    // batches are small then. 0: as fast as it goes.
    std::size_t rate = 0;
};

struct Rejection {
    std::string file;
    std::size_t line;  // in the file; 0: all of it
    std::string reason;
};

struct ImportReport {
    std::uint64_t added = 0;
    std::uint64_t present = 0;    // were there already
    std::uint64_t conflicts = 0;  // there with another name or NAR; the stored one stays
    std::uint64_t rejected = 0;   // not conflicts
    // Paths that the added narinfos refer to and that the cache doesn't have.
    std::vector<HashPart> dangling;
    bool interrupted = false;
};

struct ImportEvents {
    std::function<void(const Rejection&)> rejected;  // conflicts too
    std::function<void(const ImportReport& so_far, std::uint64_t bytes_read)> batch_stored;
    const std::atomic<bool>* stop =
        nullptr;  // ends the import after the batch under way, and its wait
};

// Throws what db throws; the batches before that stay.
[[nodiscard]] ImportReport import_narinfos(
    db::Connection& connection,
    NarinfoSource& source,
    const ImportOptions& options,
    const ImportEvents& events
);

}  // namespace narthex::service
