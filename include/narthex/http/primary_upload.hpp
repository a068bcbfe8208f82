// A NAR on its way through a region to the primary: each piece is taken when the one before it is
// on its way, so that a region holds no more than some pieces, and the client is as fast as the
// slower of its two ways. When it goes, so does the transfer.
#pragma once

#include "narthex/http/body_sink.hpp"
#include "narthex/service/exchange.hpp"

#include <functional>
#include <memory>
#include <string>

namespace narthex::http {

class PrimaryUpload : public BodySink {
  public:
    using Failed = std::function<void(const service::ExchangeFault&)>;

    // Begins with the first call. `exchanges` outlives it. `primary_url` is for messages; `failed`
    // is called once when the primary can't be reached, on the exchange's thread.
    PrimaryUpload(
        service::Exchanges& exchanges,
        service::ExchangeRequest request,
        std::string primary_url,
        Failed failed
    );
    ~PrimaryUpload() override;
    PrimaryUpload(const PrimaryUpload&) = delete;
    PrimaryUpload& operator=(const PrimaryUpload&) = delete;

    void ask(Taken taken) override;
    void write(std::string piece, Taken taken) override;
    void end(Done done) override;

  private:
    struct State;

    void begin();

    service::Exchanges& exchanges_;
    service::ExchangeRequest request_;
    std::shared_ptr<State> state_;  // what the exchange calls back
    std::shared_ptr<service::Exchange> exchange_;
};

}  // namespace narthex::http
