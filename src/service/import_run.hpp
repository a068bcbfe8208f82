// What both halves of an import share: what it shall do, what it has done, and whom to tell.
#pragma once

#include "import_check.hpp"

#include "narthex/service/pace.hpp"

#include <optional>
#include <string>

namespace narthex::service {

class ImportRun {
  public:
    // Both outlive it.
    ImportRun(const ImportOptions& options, const ImportEvents& events);

    [[nodiscard]] const ImportOptions& options() const { return options_; }
    [[nodiscard]] bool stopped() const { return events_.stop != nullptr && events_.stop->load(); }
    // At most so many narinfos in a transaction, as the rate has it.
    [[nodiscard]] std::size_t largest_batch() const;
    // Until the rate allows so many, or the import shall end.
    void wait_for_turn(std::size_t narinfos);

    void reject(const Origin& origin, const std::string& reason);
    void reject_conflict(const Narinfo& narinfo, const Origin& origin);
    void tell(const ImportProgress& progress) const;
    void tell_batch_stored() const;

    ImportReport report;

  private:
    const ImportOptions& options_;
    const ImportEvents& events_;
    std::optional<Pace> pace_;
};

}  // namespace narthex::service
