// Answers clients: the table of docs/protocol.md in code.
#pragma once

#include "narthex/http/bulk_answers.hpp"
#include "narthex/http/narinfo_cache.hpp"
#include "narthex/http/options.hpp"
#include "narthex/http/primary_answers.hpp"
#include "narthex/http/readiness.hpp"
#include "narthex/http/region_nars.hpp"
#include "narthex/http/responder.hpp"
#include "narthex/http/upload_answers.hpp"
#include "narthex/service/access.hpp"
#include "narthex/service/instance_watch.hpp"
#include "narthex/service/leases.hpp"

namespace narthex::http {

class Handler : public Responder {
  public:
    // All outlive the handler.
    Handler(
        const service::Catalog& catalog,
        const service::Access& access,
        const service::InstanceWatch& watch,
        const Readiness& readiness,
        const service::Leases& leases,
        NarinfoCache& cache,
        BulkAnswers& bulk,
        UploadAnswers& uploads,
        PrimaryAnswers& primary,
        RegionNars& nars,
        HandlerOptions options
    );

    [[nodiscard]] std::optional<BodyPlan> body_plan(
        const Request& request, const std::vector<Cache>& caches
    ) const override;
    [[nodiscard]] Response respond(
        const Request& request, const std::vector<Cache>& caches, Clock::time_point now
    ) override;
    [[nodiscard]] bool works_on_nars() const override { return nars_.works(); }
    void work(BulkAsk ask, std::function<void(Answer)> done) override;
    [[nodiscard]] std::chrono::milliseconds work_limit(const Request& request) const override;
    [[nodiscard]] Answer answer(const Request& request, const Mail& mail) const override;
    [[nodiscard]] Answer unavailable(const Request& request) const override;
    [[nodiscard]] const service::Catalog& catalog() const override { return catalog_; }
    [[nodiscard]] std::chrono::milliseconds lookup_timeout() const override {
        return options_.lookup_timeout;
    }

  private:
    [[nodiscard]] Response respond_to(
        const Request& request, const std::vector<Cache>& caches, Clock::time_point now
    );
    [[nodiscard]] Response respond_with(
        Route to, const Request& request, const std::vector<Cache>& caches, Clock::time_point now
    );
    [[nodiscard]] Response narinfo(const Route& to, const Request& request, Clock::time_point now);
    [[nodiscard]] const Answer& without(const Request& request, bool hidden) const;
    [[nodiscard]] Response without_body(
        const Request& request, const Route& to, const std::vector<Cache>& caches
    ) const;
    [[nodiscard]] std::optional<Answer> body_fault(
        const Request& request, const Route& to, const std::vector<Cache>& caches
    ) const;
    [[nodiscard]] std::optional<Answer> refusal_of(const Request& request, const Route& to) const;
    [[nodiscard]] bool fails_on_503(const Request& request) const;
    [[nodiscard]] Answer unsure(const Request& request, const Route& to) const;
    [[nodiscard]] Response without_upload(
        const Request& request, const Route& to, const std::vector<Cache>& caches
    ) const;
    [[nodiscard]] std::optional<Answer> upload_fault(
        const Request& request, const Route& to, const std::vector<Cache>& caches
    ) const;
    [[nodiscard]] std::optional<BodyPlan> upload_plan(
        const Request& request, const Route& to, const std::vector<Cache>& caches
    ) const;
    [[nodiscard]] std::optional<BodyPlan> relayed_upload(const Request& request, const Route& to)
        const;
    void ask_primary(BulkAsk ask, std::function<void(Answer)> done);

    const service::Catalog& catalog_;
    const service::Access& access_;
    const service::InstanceWatch& watch_;
    const Readiness& readiness_;
    const service::Leases& leases_;
    NarinfoCache& cache_;
    BulkAnswers& bulk_;
    UploadAnswers& uploads_;
    PrimaryAnswers& primary_;
    RegionNars& nars_;
    HandlerOptions options_;
    Answer absent_narinfo_;
    Answer hidden_narinfo_;
    Answer not_found_;
};

}  // namespace narthex::http
