// The answer of a region's primary on its way to a client: gathered while it is small, else handed
// on piece by piece. Any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/request.hpp"
#include "narthex/service/exchange.hpp"

#include <functional>
#include <memory>
#include <string_view>

namespace narthex::http {

// The body of an exchange's answer. The exchange ends with it.
class ExchangeSource : public BodySource {
  public:
    explicit ExchangeSource(std::shared_ptr<service::Exchange> exchange)
        : exchange_(std::move(exchange)) {}
    ~ExchangeSource() override { exchange_->cancel(); }
    ExchangeSource(const ExchangeSource&) = delete;
    ExchangeSource& operator=(const ExchangeSource&) = delete;

    void next(Take take) override { exchange_->next(std::move(take)); }

  private:
    std::shared_ptr<service::Exchange> exchange_;
};

// For an exchange whose answer has begun with `head`. `done` is called once, on the exchange's
// thread.
void relay_answer(
    const std::shared_ptr<service::Exchange>& exchange,
    const service::ExchangeHead& head,
    Method method,
    std::function<void(Answer)> done
);

// 503 or 504, with what to do. `primary_url` without a password.
[[nodiscard]] Answer primary_fault(
    std::string_view primary_url, const service::ExchangeFault& fault
);
// 508: the region of that name is another's primary.
[[nodiscard]] Answer relay_loop(std::string_view region);
// 503: nobody has told the region of that name where its primary's narthex is.
[[nodiscard]] Answer no_primary_url(std::string_view region);
// 503: as many are under way as may be.
[[nodiscard]] Answer too_many_relayed();
// 502: whatever answers at the primary's URL is no narthex, or breaks off.
[[nodiscard]] Answer bad_primary_answer(int status);

}  // namespace narthex::http
