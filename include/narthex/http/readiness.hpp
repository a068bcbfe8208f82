// Whether this server should be given clients, as /readyz says: its database answers, and a region
// isn't too far behind its primary. Any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/instance_watch.hpp"
#include "narthex/service/lookups.hpp"
#include "narthex/service/uplink.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace narthex::http {

class Readiness {
  public:
    // All outlive it. `most_lag`: how old what a region has may be; 0: that doesn't matter.
    Readiness(
        const service::Lookups& lookups,
        const service::Catalog& catalog,
        const service::InstanceWatch& watch,
        const service::Uplink& uplink,
        std::chrono::seconds most_lag
    );

    // Why it shouldn't. Absent when it should.
    [[nodiscard]] std::optional<std::string> fault() const;

    // 200, or 503 with the reason.
    [[nodiscard]] Answer answer() const;

  private:
    [[nodiscard]] std::optional<std::string> region_fault() const;
    [[nodiscard]] std::chrono::milliseconds heartbeat_age() const;

    const service::Lookups& lookups_;
    const service::Catalog& catalog_;
    const service::InstanceWatch& watch_;
    const service::Uplink& uplink_;
    std::chrono::seconds most_lag_;
};

}  // namespace narthex::http
