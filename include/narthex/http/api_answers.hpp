// The admin API (docs/openapi.json): who may ask is decided on the network thread, everything else
// on threads with connections of their own (service::Publishing), one transaction a call. Who
// follows the changes waits without a thread. Any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/api_route.hpp"
#include "narthex/http/bulk_answers.hpp"
#include "narthex/http/change_answers.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/responder.hpp"
#include "narthex/service/access.hpp"
#include "narthex/service/bulk.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/change_watch.hpp"
#include "narthex/service/publishing.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace narthex::http {

class ApiAnswers {
  public:
    using Done = std::function<void(Answer)>;

    // All outlive it.
    ApiAnswers(
        const service::Catalog& catalog,
        const service::Access& access,
        service::Publishing& database,
        service::ChangeWatch& changes
    );

    // Why a request below /api/ gets no further. Absent when it does: its body is read then, if it
    // has one, and answer() works on it.
    [[nodiscard]] std::optional<Answer> fault(
        const Request& request, const std::vector<Cache>& caches
    ) const;

    // For a request without a fault. Absent when it has no body to be read, or no room is left.
    [[nodiscard]] std::optional<BodyPlan> plan(const Request& request) const;

    // `done` is called once, on some other thread, unless the client is gone.
    void answer(BulkAsk ask, Done done);

    // For an answer, waiting for changes included.
    static constexpr std::chrono::seconds k_limit{75};

  private:
    void follow(const BulkAsk& ask, const Done& done, int cache, const ApiQuery& query);
    void submit(const Done& done, std::function<Answer(db::Connection&)> run);

    const service::Catalog& catalog_;
    const service::Access& access_;
    service::Publishing& database_;
    ChangeAnswers changes_;
    service::BulkRoom room_;
};

}  // namespace narthex::http
