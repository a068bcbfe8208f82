// Who asks one lookup and waits for its answer.
#pragma once

#include "narthex/service/lookups.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace narthex::test {

class Asker : public service::LookupReceiver {
  public:
    service::Lookup lookup(const service::LookupKey& key) {
        return {key, std::chrono::steady_clock::now() + k_limit, client_, 0, {}, this};
    }
    void answered(std::vector<service::Answered> batch) override {
        for (auto& each : batch) answer_.set_value(std::move(each.answer));
    }
    service::LookupAnswer wait() {
        auto answer = answer_.get_future();
        if (answer.wait_for(k_limit) != std::future_status::ready) {
            throw std::runtime_error("no answer in time");
        }
        return answer.get();
    }

  private:
    static constexpr std::chrono::seconds k_limit{30};

    std::promise<service::LookupAnswer> answer_;
    std::shared_ptr<int> client_ = std::make_shared<int>();
};

}  // namespace narthex::test
