// Brings narinfos into a cache: reads and checks all of them, puts references before their
// referrers, and stores them in batches, each in a transaction of its own. What is refused is
// reported and the rest goes on; running an import again is harmless.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/tag.hpp"
#include "narthex/core/trust.hpp"
#include "narthex/db/connection.hpp"
#include "narthex/service/nar_directory.hpp"
#include "narthex/service/narinfo_source.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
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
    // Bytes that the order of references may take. Where it would take more, what was read until
    // then is ordered and stored, and the rest after it.
    std::size_t sort_memory = std::size_t{1} << 30;
    // Refuse narinfos whose closure is neither served nor imported.
    bool closed = false;
    // For what waits to be stored: as large as the texts that sort_memory is enough for.
    std::filesystem::path temporary_directory = "/var/tmp";
};

// With `closed`, sort_memory must be enough for everything. Nothing was stored.
class TooManyToOrder : public std::runtime_error {
    using std::runtime_error::runtime_error;
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
    std::size_t parts = 0;         // that were ordered on their own
    std::size_t order_memory = 0;  // bytes, about, that the largest of them took
};

enum class ImportPhase { reading, ordering, storing };

struct ImportProgress {
    ImportPhase phase;
    std::uint64_t narinfos;     // done in this phase
    std::uint64_t bytes;        // of what is read, or of the part that is stored
    std::uint64_t total_bytes;  // of the part; 0 where only whoever asked for the import knows
};

struct ImportEvents {
    std::function<void(const Rejection&)> rejected;  // conflicts too
    std::function<void(const ImportReport& so_far)> batch_stored;
    std::function<void(const ImportProgress&)> progress;
    // Ends the reading, of which nothing is stored then, or the storing after the batch under way.
    const std::atomic<bool>* stop = nullptr;
};

// `database` has passed db::check_uri. Throws what db throws, std::system_error for the temporary
// file, TooManyToOrder; the batches before that stay.
[[nodiscard]] ImportReport import_narinfos(
    const std::string& database,
    NarinfoSource& source,
    const ImportOptions& options,
    const ImportEvents& events
);

}  // namespace narthex::service
