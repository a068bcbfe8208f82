// What a region lets its primary answer (relay_rules): publishing, and what publishers ask. Bodies
// of NARs go through as they come (PrimaryUpload), what is small was gathered by the session. The
// answer to a narinfo waits until this region has it. Any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/body_sink.hpp"
#include "narthex/http/bulk_answers.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/route.hpp"
#include "narthex/service/access.hpp"
#include "narthex/service/arrivals.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/epochs.hpp"
#include "narthex/service/exchange.hpp"
#include "narthex/service/instance_now.hpp"
#include "narthex/service/log_limit.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace narthex::http {

class PrimaryAnswers {
  public:
    using Done = std::function<void(Answer)>;

    // All outlive it.
    PrimaryAnswers(
        service::InstanceNow instance,
        const service::Catalog& catalog,
        const service::Access& access,
        service::Exchanges& exchanges,
        service::Arrivals& arrivals,
        service::Epochs& epochs
    );

    // Whether this request isn't ours to answer. Costs nothing where it neither writes nor shows a
    // token.
    [[nodiscard]] bool takes(
        const Request& request, const Route& to, const std::vector<Cache>& caches
    ) const;

    // Whether uploads take the way to another server.
    [[nodiscard]] bool relays_uploads() const;

    // Why the primary isn't even asked; for one that it takes. Absent when it is.
    [[nodiscard]] std::optional<Answer> fault(const Request& request) const;

    // For a PUT of a NAR without a fault.
    [[nodiscard]] std::shared_ptr<BodySink> upload(const Request& request) const;

    // For all others without a fault. `done` is called once, on some other thread.
    void answer(BulkAsk ask, Done done);

    struct Figures {
        std::uint64_t relayed = 0;
        std::uint64_t failed = 0;  // of those: the primary couldn't be reached, or was too slow
        std::uint64_t behind = 0;  // narinfos that weren't here in time
    };
    [[nodiscard]] Figures figures() const;

  private:
    [[nodiscard]] bool publishes(
        const Request& request, const Route& to, const std::vector<Cache>& caches
    ) const;
    void await_narinfo(const Request& request, Answer answer, const Done& done);
    void failed(const std::string& url, const service::ExchangeFault& fault) const;

    service::InstanceNow instance_;
    const service::Catalog& catalog_;
    const service::Access& access_;
    service::Exchanges& exchanges_;
    service::Arrivals& arrivals_;
    service::Epochs& epochs_;
    mutable std::atomic<std::uint64_t> relayed_ = 0;
    mutable std::atomic<std::uint64_t> failed_ = 0;
    mutable service::LogLimit log_;
    std::atomic<std::uint64_t> behind_ = 0;
};

}  // namespace narthex::http
