// The first half of an import: every record is parsed and checked, on all cores, and comes out in
// the order of the input.
#pragma once

#include "narthex/service/import.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace narthex::service {

struct Origin {
    std::string file;
    std::size_t line;
};

struct Checked {
    Origin origin;
    std::optional<Narinfo> narinfo;  // absent: refused
    std::string refusal;             // why
};

[[nodiscard]] inline const HashPart& hash_of(const Narinfo& narinfo) {
    return narinfo.store_path().base.hash;
}

class ImportCheck {
  public:
    // `options` outlives it.
    explicit ImportCheck(const ImportOptions& options);

    // Any thread.
    [[nodiscard]] Checked check(SourceItem item) const;

  private:
    [[nodiscard]] std::string refusal(const Narinfo& narinfo) const;

    const ImportOptions& options_;
    TrustedKeys keys_;
};

// Calls `visit` for a few hundred records at a time, until it returns false. What waits between
// reading and visiting is a few megabytes.
void check_all(
    NarinfoSource& source,
    const ImportCheck& check,
    const std::function<bool(std::vector<Checked>)>& visit
);

}  // namespace narthex::service
