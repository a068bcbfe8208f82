// Asks regions by HTTP which epoch they know (GET /api/v1/instance): a higher one than the
// primary's own says that another has become the primary meanwhile. On a thread of its own; those
// that can't be reached within two seconds hold nobody up. Any thread.
#pragma once

#include "narthex/service/fetcher.hpp"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::service {

// The epoch in what an instance says of itself. Absent when it is no such thing.
[[nodiscard]] std::optional<std::int64_t> epoch_of(std::string_view json);

class RegionEpochs {
  public:
    // `ca_file`: certificates that vouch for regions; empty: the system's do.
    explicit RegionEpochs(const std::string& user_agent, const std::string& ca_file = {});
    ~RegionEpochs();  // breaks off what is under way
    RegionEpochs(const RegionEpochs&) = delete;
    RegionEpochs& operator=(const RegionEpochs&) = delete;

    // Asks them all, unless some of the last time haven't answered yet.
    void ask(const std::vector<std::string>& urls);

    // Whether all that were asked have answered, or can't be reached.
    [[nodiscard]] bool asked() const;

    struct Epoch {
        std::int64_t epoch;
        std::string url;  // of the region that says so
    };
    // The highest that any ever said.
    [[nodiscard]] std::optional<Epoch> highest() const;

    // Regions that didn't answer the last time.
    [[nodiscard]] std::size_t silent() const;

  private:
    void answered(const std::string& url, const Fetched& fetched);

    mutable std::mutex mutex_;
    std::size_t waiting_ = 0;
    std::size_t silent_ = 0;
    std::optional<Epoch> highest_;
    Fetcher fetcher_;
};

}  // namespace narthex::service
