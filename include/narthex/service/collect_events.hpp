// How far a collection has come, and when it shall end.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

namespace narthex::service {

struct CollectProgress {
    std::string_view phase;  // "writing", "purging", ...: a literal
    std::uint64_t done;      // paths or files
    std::uint64_t total;     // 0: not known
};

struct CollectEvents {
    // After each transaction. What it throws ends the work there, as a kill would.
    std::function<void(const CollectProgress&)> progress;
    // Ends the work after the transaction under way; the same command goes on later.
    const std::atomic<bool>* stop = nullptr;
};

}  // namespace narthex::service
