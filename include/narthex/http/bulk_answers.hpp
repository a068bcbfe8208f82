// Answers to bulk requests, made when it is their turn: bodies are read on the threads for files,
// answers are made on those of BulkLookups. What is asked for by a body is gathered in memory,
// since its length has to be known; a closure's length comes from the database and its texts are
// streamed.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/bulk_body.hpp"
#include "narthex/http/options.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/route.hpp"
#include "narthex/service/access.hpp"
#include "narthex/service/bulk.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/instance_watch.hpp"
#include "narthex/service/leases.hpp"

#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace narthex::http {

// A NAR that is found, but not to be sent from where it was found (RegionNars).
struct NarWork {
    std::vector<std::string> files;
    std::shared_ptr<const db::NarFacts> facts;
};

// What a bulk request has beside its head.
struct BulkWork {
    std::string body;
    std::shared_ptr<service::BulkShare>
        share;  // goes along to the answer; null where there is no body
    std::shared_ptr<const NarWork> nar = {};
    bool to_primary = false;  // this is a region, and the request its primary's to answer
};

struct BulkAsk {
    std::shared_ptr<const KeptRequest> request;
    BulkWork work;
    std::weak_ptr<void> client;  // once it is gone, the work is dropped
};

class BulkAnswers {
  public:
    using Done = std::function<void(Answer)>;

    // All outlive it; no request is under way when BulkLookups and Leases end.
    BulkAnswers(
        const service::Catalog& catalog,
        const service::Access& access,
        const service::InstanceWatch& watch,
        service::BulkLookups& lookups,
        service::Leases& leases,
        boost::asio::thread_pool& files,
        const BulkLimits& limits
    );

    // `done` is called once, on some other thread, unless the client is gone. Any thread.
    void answer(BulkAsk ask, Done done);

    // The memory for a request with a body of so many bytes. Null when too much is in use.
    [[nodiscard]] std::shared_ptr<service::BulkShare> enter(std::size_t bytes) const {
        return room_.enter(bytes);
    }

    [[nodiscard]] const BulkLimits& limits() const { return limits_; }

  private:
    void start(BulkAsk ask, Done done);
    bool admit(const BulkAsk& ask, const Cache& cache, Done& done) const;
    void start_narinfos(BulkAsk ask, const Cache& cache, const Done& done);
    void start_missing(BulkAsk ask, const Cache& cache, const Done& done);
    void start_attic(BulkAsk ask, const std::vector<Cache>& caches, Done done);
    void start_closure(BulkAsk ask, const PathKey& root, const Done& done);
    void start_companion(BulkAsk ask, int cache, const CompanionPath& path, const Done& done);

    [[nodiscard]] service::Leases* leases_for(const BulkAsk& ask, const Cache& cache) const;

    const service::Catalog& catalog_;
    const service::Access& access_;
    const service::InstanceWatch& watch_;
    service::BulkLookups& lookups_;
    service::Leases& leases_;
    boost::asio::thread_pool& files_;
    BulkLimits limits_;
    service::BulkRoom room_;
};

}  // namespace narthex::http
