// What a plan comes to: counts and bytes from several sides, gathered while a cache's narinfos go
// by once. Memory: about 100 bytes for each package name, tag and requested path of the plan. One
// thread.
#pragma once

#include "narthex/core/bitmap.hpp"
#include "narthex/db/mark_reader.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace narthex::service {

struct Tally {
    std::uint64_t paths = 0;
    std::uint64_t nar_size = 0;

    void add(std::uint64_t size) {
        ++paths;
        nar_size += size;
    }
};

struct Named {
    std::string name;
    Tally tally;
};

struct PlannedPath {
    BaseName base;
    std::uint64_t nar_size;
    std::uint64_t requested;  // how often
};

// What is as young as this, in days, and older than the one before; the last one is all that is
// older.
inline constexpr std::array k_age_limits = {30, 90, 365, 730};
inline constexpr std::size_t k_age_classes = k_age_limits.size() + 1;
[[nodiscard]] std::string age_class_name(std::size_t age_class);  // "30 to 90 days"

struct Interlock {
    std::string name;  // what --force-NAME of `gc hide` names
    std::string message;
};

struct PlanSummary {
    Tally planned;
    Tally unreachable;
    Tally released;
    Tally live;
    Tally hidden;                 // already, by another plan
    std::uint64_t file_size = 0;  // of NARs that only planned paths need
    std::array<Tally, k_age_classes> by_age;
    std::vector<Named> by_tag;   // "KEY=VALUE"; the largest first
    std::vector<Named> by_name;  // without versions; the largest first
    std::vector<PlannedPath> largest;
    int requested_days = 0;
    std::uint64_t requested_paths = 0;   // of the planned ones
    std::vector<PlannedPath> requested;  // the most frequent first
    // Seeds by what keeps them: living roots together as "roots".
    std::vector<std::pair<std::string, std::uint64_t>> seeds;
    std::uint64_t roots = 0;         // living
    std::uint64_t rooted_paths = 0;  // that they name, without patterns
    std::uint64_t unresolved = 0;    // of those, without a narinfo
    struct Difference {
        int plan;  // the last one before
        std::uint64_t added;
        std::uint64_t gone;
    };
    std::optional<Difference> difference;
    std::optional<double> saving_per_month;
    std::vector<Interlock> interlocks;
};

// Gathers the parts of a summary that are counted path by path.
class SummaryCount {
  public:
    // Of the planned paths, `released` has those of that reason. `requested`: how often each path
    // was asked for. All live as long as this. `now`: seconds since 1970.
    SummaryCount(
        const Bitmap& live,
        const Bitmap& released,
        const std::unordered_map<int, std::uint64_t>& requested,
        std::int64_t now
    );

    // True when it is planned.
    bool add(const db::Candidate& candidate);
    // Fills in what it has; may be called once.
    void finish(PlanSummary& summary);

  private:
    const Bitmap& live_;
    const Bitmap& released_;
    const std::unordered_map<int, std::uint64_t>& requested_;
    std::int64_t now_;
    PlanSummary counted_;
    std::unordered_map<std::string, Tally> names_;
};

// The largest first, at most `most`, those of one size by name.
[[nodiscard]] std::vector<Named> largest(
    std::unordered_map<std::string, Tally> tallies, std::size_t most
);

// As the plan keeps it and `gc plan --json` prints it: a JSON object.
[[nodiscard]] std::string to_json(const PlanSummary& summary, const std::string& store_dir);

}  // namespace narthex::service
