// Whether hide batches have paths that an import names: they have to be rescued then. Each path is
// looked up once, unless a batch has been written since. Layer db's own. One thread.
#pragma once

#include "libpq.hpp"

#include "narthex/db/bulk_store.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

class HiddenNames {
  public:
    // `libpq` outlives it.
    explicit HiddenNames(Libpq& libpq);

    // Under the shared publishing lock: what comes into a batch later is the collector's to look
    // at.
    [[nodiscard]] bool any(
        int cache, std::span<const BulkNarinfo> batch, const NumberedPaths& paths
    );

  private:
    [[nodiscard]] std::vector<std::uint32_t> unknown(
        std::span<const BulkNarinfo> batch, const NumberedPaths& paths
    ) const;

    Libpq& libpq_;
    std::string state_;         // of all hide batches, when paths were last looked up
    std::vector<bool> absent_;  // by number: they were in none then
};

}  // namespace narthex::db
