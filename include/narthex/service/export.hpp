// Writes out what a cache serves, byte for byte: narinfos separated by empty lines, as
// import_narinfos reads them, references before their referrers as far as path ids are in that
// order. What is published meanwhile isn't in it.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/store_path.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::service {

struct ExportOptions {
    Cache cache;  // as stored
    // What these paths need, themselves included; everything where there are none.
    std::vector<HashPart> closures;
    bool hidden = false;  // those that are hidden, too
};

struct ExportReport {
    std::uint64_t narinfos = 0;
    std::uint64_t bytes = 0;
    std::vector<HashPart> missing;  // of the closures, those that aren't served
    bool interrupted = false;       // what was written isn't all
};

struct ExportProgress {
    std::uint64_t narinfos;
    std::uint64_t paths;  // looked at, of
    std::uint64_t all_paths;
};

struct ExportEvents {
    std::function<void(const ExportProgress&)> progress;
    const std::atomic<bool>* stop = nullptr;
};

// `database` has passed db::check_uri. Throws what db throws, and what `write` does.
[[nodiscard]] ExportReport export_narinfos(
    const std::string& database,
    const ExportOptions& options,
    const std::function<void(std::string_view)>& write,
    const ExportEvents& events
);

}  // namespace narthex::service
