// Answers operators and their programs, on a listener of its own: metrics, health, readiness.
#pragma once

#include "narthex/http/responder.hpp"

#include <functional>
#include <string>

namespace narthex::http {

class AdminHandler : public Responder {
  public:
    // `metrics` renders them, on a network thread. The others outlive the handler.
    AdminHandler(
        const service::Catalog& catalog,
        const service::Lookups& lookups,
        std::function<std::string()> metrics
    );

    // No body is read here.
    [[nodiscard]] std::optional<BodyPlan> body_plan(
        const Request& /*request*/, const std::vector<Cache>& /*caches*/
    ) const override {
        return std::nullopt;
    }

    [[nodiscard]] Response respond(
        const Request& request, const std::vector<Cache>& caches, Clock::time_point now
    ) override;

    // Nothing here is looked up.
    [[nodiscard]] Answer answer(const Request& request, const Mail& mail) const override;
    [[nodiscard]] Answer unavailable(const Request& request) const override;
    [[nodiscard]] const service::Catalog& catalog() const override { return catalog_; }
    [[nodiscard]] std::chrono::milliseconds lookup_timeout() const override;

  private:
    [[nodiscard]] Answer answer_of(const Request& request) const;

    const service::Catalog& catalog_;
    const service::Lookups& lookups_;
    std::function<std::string()> metrics_;
};

}  // namespace narthex::http
