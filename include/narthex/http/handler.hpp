// Answers requests: the table of docs/protocol.md in code. Looks things up through the service
// layer and never waits: what takes time is answered later, from another thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/options.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/route.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/lookups.hpp"

#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace narthex::http {

class Handler {
  public:
    using Done = std::function<void(Answer)>;

    // All must outlive the handler. `files` runs what touches the disk.
    Handler(
        const service::Catalog& catalog,
        service::Lookups& lookups,
        boost::asio::thread_pool& files,
        HandlerOptions options
    );

    // The answer, or absent: then `done` is called once, later, on another thread or this one.
    // Any thread.
    [[nodiscard]] std::optional<Answer> handle(
        const std::shared_ptr<const Request>& request, Done done
    );

    // The answer to a request whose lookup took too long or failed. Any thread.
    [[nodiscard]] Answer unavailable(const Request& request) const;

    [[nodiscard]] std::chrono::milliseconds lookup_timeout() const {
        return options_.lookup_timeout;
    }

  private:
    [[nodiscard]] std::optional<Answer> answer_get(
        const std::shared_ptr<const Request>& request, Done done
    );
    void look_up_narinfo(Route route, std::shared_ptr<const Request> request, Done done);
    void look_up_nar(Route route, std::shared_ptr<const Request> request, Done done);
    [[nodiscard]] Answer readiness() const;

    const service::Catalog& catalog_;
    service::Lookups& lookups_;
    boost::asio::thread_pool& files_;
    HandlerOptions options_;
};

}  // namespace narthex::http
