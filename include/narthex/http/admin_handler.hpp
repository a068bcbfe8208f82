// Answers operators and their programs, on a listener of its own: metrics, health, readiness, and
// the admin API.
#pragma once

#include "narthex/http/api_answers.hpp"
#include "narthex/http/readiness.hpp"
#include "narthex/http/responder.hpp"

#include <functional>
#include <string>

namespace narthex::http {

class AdminHandler : public Responder {
  public:
    // `metrics` renders them, on a network thread. The others outlive the handler.
    AdminHandler(
        const service::Catalog& catalog,
        const Readiness& readiness,
        ApiAnswers& api,
        std::function<std::string()> metrics
    );

    // The API's alone have bodies that are read.
    [[nodiscard]] std::optional<BodyPlan> body_plan(
        const Request& request, const std::vector<Cache>& caches
    ) const override;

    [[nodiscard]] Response respond(
        const Request& request, const std::vector<Cache>& caches, Clock::time_point now
    ) override;

    void work(BulkAsk ask, std::function<void(Answer)> done) override;
    [[nodiscard]] std::chrono::milliseconds work_limit(const Request& request) const override;

    // Nothing here is looked up.
    [[nodiscard]] Answer answer(const Request& request, const Mail& mail) const override;
    [[nodiscard]] Answer unavailable(const Request& request) const override;
    [[nodiscard]] const service::Catalog& catalog() const override { return catalog_; }
    [[nodiscard]] std::chrono::milliseconds lookup_timeout() const override;

  private:
    [[nodiscard]] Answer answer_of(const Request& request) const;
    [[nodiscard]] Response respond_to_call(const Request& request, const std::vector<Cache>& caches)
        const;

    const service::Catalog& catalog_;
    const Readiness& readiness_;
    ApiAnswers& api_;
    std::function<std::string()> metrics_;
};

}  // namespace narthex::http
