#include "narthex/http/readiness.hpp"

#include "narthex/http/common_answers.hpp"

#include <fmt/format.h>

namespace narthex::http {

Readiness::Readiness(
    const service::Lookups& lookups,
    const service::Catalog& catalog,
    const service::InstanceWatch& watch,
    const service::Uplink& uplink,
    std::chrono::seconds most_lag
)
    : lookups_(lookups), catalog_(catalog), watch_(watch), uplink_(uplink), most_lag_(most_lag) {}

std::optional<std::string> Readiness::fault() const {
    // Lookups only notice an absence when somebody asks; the catalog is read all the time.
    if (!lookups_.available() || !catalog_.current()) return "the database is away";
    switch (watch_.instance()->role) {
        case db::InstanceRole::joining:
            return "this region's first copy isn't complete";
        case db::InstanceRole::region:
            return region_fault();
        case db::InstanceRole::primary:
        case db::InstanceRole::fenced:  // reads are as good as they were
            break;
    }
    return std::nullopt;
}

std::optional<std::string> Readiness::region_fault() const {
    const auto subscription = uplink_.figures().subscription;
    if (subscription && subscription->not_ready > 0) {
        return fmt::format("{} tables are still being copied", subscription->not_ready);
    }
    if (most_lag_.count() == 0) return std::nullopt;
    const auto age = std::chrono::floor<std::chrono::seconds>(heartbeat_age());
    if (age <= most_lag_) return std::nullopt;
    return fmt::format("this region is {} seconds behind its primary", age.count());
}

// Where the primary's clock was never asked, by the own one: this decides nothing that is served.
std::chrono::milliseconds Readiness::heartbeat_age() const {
    if (const auto age = watch_.heartbeat_age()) return *age;
    const auto heartbeat = watch_.heartbeat();
    const auto since = heartbeat ? heartbeat->at : std::chrono::system_clock::time_point{};
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now() - since);
}

Answer Readiness::answer() const {
    const auto why = fault();
    return why ? service_unavailable(*why) : text_answer(200, "ready");
}

}  // namespace narthex::http
