// NARs in a region: from its own directory, else from its primary, whatever the rows say of where
// they are, since that is the primary's disk. One that is asked for as a whole is kept
// (NarFetches); a part of one that isn't here yet goes through without. A region that was promoted
// looks here first, then where the rows say. Any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/bulk_answers.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/exchange.hpp"
#include "narthex/service/instance_now.hpp"
#include "narthex/service/kept_nars.hpp"
#include "narthex/service/nar_fetch.hpp"

#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <string>

namespace narthex::http {

class RegionNars {
  public:
    using Done = std::function<void(Answer)>;

    // All outlive it, and `files` all answers.
    RegionNars(
        service::InstanceNow instance,
        const service::Catalog& catalog,
        const service::KeptNars& kept,
        service::NarFetches& fetches,
        service::Exchanges& exchanges,
        boost::asio::thread_pool& files
    );

    // Whether NARs may be elsewhere than where their rows say.
    [[nodiscard]] bool works() const;

    // `done` is called once, on some other thread, unless the client is gone.
    void answer(BulkAsk ask, Done done);

  private:
    struct Question;
    using QuestionPtr = std::shared_ptr<const Question>;

    void start(BulkAsk ask, Done done);
    void follow(const QuestionPtr& question);
    void pass_through(const QuestionPtr& question);
    static void begun(
        const QuestionPtr& question,
        const std::shared_ptr<service::Exchange>& exchange,
        const service::ExchangeHead& head
    );

    service::InstanceNow instance_;
    const service::Catalog& catalog_;
    const service::KeptNars& kept_;
    service::NarFetches& fetches_;
    service::Exchanges& exchanges_;
    boost::asio::thread_pool& files_;
};

}  // namespace narthex::http
