// Answers requests: the table of docs/protocol.md in code. Never waits: what the database or a disk
// must be asked for, it names. Any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/bulk_answers.hpp"
#include "narthex/http/mailbox.hpp"
#include "narthex/http/narinfo_cache.hpp"
#include "narthex/http/options.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/route.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/lookups.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <variant>

namespace narthex::http {

// What a request gets: an answer, or one as soon as this is looked up, or has been worked on by
// BulkAnswers.
struct Response {
    Resource kind;
    std::variant<Answer, service::LookupKey, BulkWork> what;
};

// A request whose body is taken: `bytes` after its head.
struct BodyPlan {
    Resource kind;
    std::size_t bytes;
    std::shared_ptr<service::BulkShare> share;
};

class Handler {
  public:
    using Clock = std::chrono::steady_clock;

    // All outlive the handler.
    Handler(
        const service::Catalog& catalog,
        const service::Lookups& lookups,
        NarinfoCache& cache,
        const BulkAnswers& bulk,
        HandlerOptions options
    );

    // The plan for a request whose body is to be read before it is answered. Absent for all others:
    // respond() answers them, and a body that they have is never read. To be asked for POST and
    // QUERY.
    [[nodiscard]] std::optional<BodyPlan> body_plan(
        const Request& request, const std::vector<Cache>& caches
    ) const;

    // `caches`: as lately had from the catalog.
    [[nodiscard]] Response respond(
        const Request& request, const std::vector<Cache>& caches, Clock::time_point now
    );

    // The answer to a request that was looked up; not for NARs that were found, which nar_answer
    // makes of their files.
    [[nodiscard]] Answer answer(const Request& request, const Mail& mail) const;

    // The answer to a request whose lookup took too long or failed.
    [[nodiscard]] Answer unavailable(const Request& request) const;

    [[nodiscard]] const service::Catalog& catalog() const { return catalog_; }
    [[nodiscard]] std::chrono::milliseconds lookup_timeout() const {
        return options_.lookup_timeout;
    }

  private:
    [[nodiscard]] Response respond_to(
        const Request& request, const std::vector<Cache>& caches, Clock::time_point now
    );
    [[nodiscard]] Response narinfo(
        const PathKey& key, const Request& request, Clock::time_point now
    );
    [[nodiscard]] Response without_body(const Request& request, const Route& to) const;
    [[nodiscard]] Answer readiness() const;

    const service::Catalog& catalog_;
    const service::Lookups& lookups_;
    NarinfoCache& cache_;
    const BulkAnswers& bulk_;
    HandlerOptions options_;
    Answer absent_narinfo_;
    Answer not_found_;
};

}  // namespace narthex::http
